package gateway_test

import (
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// read classifies an answer without a network.
func read(p merchant.Profile, o *order.Order, status int, body string) gateway.Answer {
	return gateway.Read(p, o, &http.Response{
		StatusCode: status, Header: http.Header{}, Request: &http.Request{URL: p.GatewayURL},
		Body: io.NopCloser(strings.NewReader(body)),
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(pageAnswer))
	f.Add(201, []byte(with(`1000`, `"1e3"`)))
	f.Add(200, []byte(with(`https`, `http`)))
	f.Add(400, []byte(`{"error":{"message":"no"}}`))
	f.Add(422, []byte(`{"failure_information":[{"errormessage":"billing@testemail.com"}]}`))
	f.Add(502, []byte("<html><title>Bad\n&#10;Gateway</title>"))
	f.Add(503, []byte("\xff\x00\u2028"))
	p, o := profile(f, "https://gateway.example"), pageOrder()
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		a := read(p, o, status, string(body))
		if !tidy(a.Message) || strings.Contains(a.Message, "billing@testemail.com") {
			t.Errorf("message %q", a.Message)
		}
		if !a.Asked || a.Code == "" || a.Status != status {
			t.Errorf("%+v", a)
		}
		if a.Outcome == gateway.Issued {
			checkIssued(t, status, body, a.Link)
		} else if a.Link != (gateway.Link{}) || a.Message == "" {
			t.Errorf("%+v", a)
		}
	})
}

// checkIssued says anew, in its own way, what an issued answer must be.
func checkIssued(t *testing.T, status int, body []byte, link gateway.Link) {
	u, err := url.Parse(link.URL)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Hostname(), ".paymentoptions.com") {
		t.Errorf("link %+v", link)
	}
	if status < 200 || status > 299 || link.ID == "" {
		t.Errorf("status %d, link %+v", status, link)
	}
	var echo map[string]any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &echo); err != nil {
		return // characters of another charset; the fields below are checked by tables
	}
	for name, want := range map[string]string{
		"merchant_txn_ref": "2003089893366DTEST", "merchant_id": "< Merchant ID >", "currency": "JPY",
	} {
		if got, ok := echo[name].(string); ok && got != "" && !strings.EqualFold(got, want) {
			t.Errorf("%s %q", name, got)
		}
	}
	switch amount := echo["amount"].(type) {
	case float64:
		if amount != 1000 {
			t.Errorf("amount %v", amount)
		}
	case string:
		if r, ok := new(big.Rat).SetString(strings.TrimSpace(amount)); amount != "" && (!ok || r.Cmp(big.NewRat(1000, 1)) != 0) {
			t.Errorf("amount %q", amount)
		}
	}
}
