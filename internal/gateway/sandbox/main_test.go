package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const path = "/api/v1/api/v1/server-to-server-interface/hpp/generate/link"

// gateway is a sandbox on a real socket.
type gateway struct {
	*sandbox.Server
	t    testing.TB
	http *httptest.Server
}

func start(t testing.TB, o sandbox.Options) gateway {
	t.Helper()
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	t.Cleanup(s.Close) // first: hangs would hold the other up
	t.Cleanup(h.Client().CloseIdleConnections)
	return gateway{s, t, h}
}

func faults(t testing.TB, text string) sandbox.Faults {
	t.Helper()
	f, err := sandbox.ParseFaults(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// body is the documentation's example with this ref.
func body(ref string) string {
	quoted, _ := json.Marshal(ref)
	return strings.Replace(example, `"2003089893366DTEST"`, string(quoted), 1)
}

const example = `{
  "return_url": {"webhook_url": "< Webhook url >", "success_url": "http://www.successurl.com/"},
  "amount": 1000,
  "currency": "JPY",
  "merchant_id": "M1",
  "merchant_email": "merchant@testemail.com",
  "merchant_txn_ref": "2003089893366DTEST",
  "payment_method": {"type": "scheme", "store_payment_method": true},
  "billing_address": {"country": "JP", "email": "billing@testemail.com", "phone_number": "8112345678",
    "address1": "1-2-3 Shinjuku", "city": "Shinjuku-ku", "state": "Tokyo", "postal_code": "1600022"},
  "shipping_address": {"country": "JP", "extra": [1, "二"]}
}`

func request(url, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Basic key")
	r.Header.Set("x-api-key", "xkey")
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return r
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

func (r reply) field(name string) any {
	var m map[string]any
	_ = json.Unmarshal([]byte(r.body), &m)
	return m[name]
}

func (r reply) text(name string) string { s, _ := r.field(name).(string); return s }

// do sends a request without following redirects.
func (g gateway) do(r *http.Request) reply {
	resp, err := g.http.Client().Transport.RoundTrip(r)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err}
}

func (g gateway) post(ref string) reply { return g.do(request(g.http.URL, body(ref))) }

func (g gateway) call(method, path, body string) reply {
	r, err := http.NewRequest(method, g.http.URL+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	return g.do(r)
}

type journal struct {
	Posts, Minted, Refs int64
	Entries             []sandbox.Entry
}

func (g gateway) journal(query string) journal {
	g.t.Helper()
	var j journal
	if err := json.Unmarshal([]byte(g.call("GET", "/_sandbox/journal?"+query, "").body), &j); err != nil {
		g.t.Fatal(err)
	}
	return j
}
