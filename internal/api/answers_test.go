package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// answered checks an answer against the document and notes that it was given.
type answered struct {
	t   *testing.T
	doc *openapi3.T
	got map[string]bool // "submit-order 202"
}

func (c *answered) by(a answer, method, path string) {
	c.t.Helper()
	op := c.doc.Paths.Value(path).GetOperation(method)
	name := fmt.Sprintf("%s %d", op.OperationID, a.status)
	response := op.Responses.Status(a.status)
	if response == nil {
		c.t.Errorf("%s is not in the document: %s", name, a.body)
		return
	}
	c.got[name] = true
	kind := a.header.Get("Content-Type")
	media := response.Value.Content[kind]
	if media == nil {
		c.t.Errorf("%s: %s is not in the document", name, kind)
		return
	}
	for header := range response.Value.Headers {
		if a.header.Get(header) == "" && (header != "Retry-After" || a.status == http.StatusServiceUnavailable) {
			c.t.Errorf("%s: no header %s", name, header)
		}
	}
	c.body(name, a.body, media.Schema.Value)
}

func (c *answered) body(name, body string, schema *openapi3.Schema) {
	c.t.Helper()
	for dec := json.NewDecoder(strings.NewReader(body)); dec.More(); {
		var v any
		if err := dec.Decode(&v); err != nil {
			c.t.Errorf("%s: %v in %q", name, err, body)
			return
		}
		if err := c.doc.ValidateSchemaJSON(schema, v, openapi3.EnableJSONSchema2020()); err != nil {
			c.t.Errorf("%s: %v", name, err)
		}
	}
}

// call is one case, and the operation that it is of.
type call struct {
	method, route string
	status        int
	request
}

const (
	orders  = "/v1/orders"
	batch   = "/v1/orders/batch"
	one     = "/v1/orders/{merchant_id}/{ref}"
	again   = "/v1/orders/{merchant_id}/{ref}/replay"
	plainly = "text/plain"
)

var big = strings.Repeat(" ", order.MaxBytes+1)

// calls are made in their order against one API without tokens, in which M1's order "failed" has failed.
var calls = []call{
	{"POST", orders, 202, request{path: orders, body: event()}},
	{"POST", orders, 200, request{path: orders, body: event()}},
	{"POST", orders, 409, request{path: orders, body: event("amount", 7)}},
	{"POST", orders, 422, request{path: orders, body: event("amount", -7)}},
	{"POST", orders, 400, request{path: orders + "?wait=soon", body: event()}},
	{"POST", orders, 403, request{path: orders, body: event(), host: "evil.example"}},
	{"POST", orders, 408, request{path: orders, reader: never{}}},
	{"POST", orders, 413, request{path: orders, body: big}},
	{"POST", orders, 415, request{path: orders, body: event(), header: map[string]string{"Content-Type": plainly}}},
	{"POST", batch, 200, request{path: batch, body: event() + "\n{\n" + event("amount", 7) + "\n", header: map[string]string{"Content-Type": "application/x-ndjson"}}},
	{"POST", batch, 400, request{path: batch + "?lane=fast"}},
	{"POST", batch, 403, request{path: batch, header: map[string]string{"Origin": "https://evil.example"}}},
	{"POST", batch, 415, request{path: batch}},
	{"GET", one, 200, request{path: "/v1/orders/M1/r"}},
	{"GET", one, 400, request{path: "/v1/orders/M1/r?wait=soon"}},
	{"GET", one, 403, request{path: "/v1/orders/M1/r", host: "evil.example"}},
	{"GET", one, 404, request{path: "/v1/orders/M1/nobody"}},
	{"POST", again, 202, request{path: "/v1/orders/M1/failed/replay"}},
	{"POST", again, 409, request{path: "/v1/orders/M1/failed/replay"}},
	{"POST", again, 400, request{path: "/v1/orders/M1/failed/replay", body: "{"}},
	{"POST", again, 403, request{path: "/v1/orders/M1/failed/replay", host: "evil.example"}},
	{"POST", again, 404, request{path: "/v1/orders/M1/nobody/replay"}},
	{"POST", again, 408, request{path: "/v1/orders/M1/failed/replay", reader: never{}}},
	{"POST", again, 413, request{path: "/v1/orders/M1/failed/replay", body: big}},
	{"POST", again, 415, request{path: "/v1/orders/M1/failed/replay", body: "{}", header: map[string]string{"Content-Type": plainly}}},
	{"GET", "/healthz", 200, request{path: "/healthz"}},
	{"GET", "/readyz", 200, request{path: "/readyz"}},
}

// never is a body of which nothing comes.
type never struct{}

func (never) Read([]byte) (int, error) { time.Sleep(time.Second); return 0, errBroken }

// TestEveryAnswerOfTheDocumentIsGiven, in the form that the document says, and no other.
func TestEveryAnswerOfTheDocumentIsGiven(t *testing.T) {
	b := newBench(t)
	b.api.Hurry(200 * time.Millisecond)
	b.post(orders, ref("failed")).want(t, http.StatusAccepted)
	b.fail(key("failed"), ledger.Failure{Code: "rejected"})
	seen := &answered{t, b.document(), map[string]bool{}}
	for _, c := range calls {
		seen.made(b, c)
	}
	seen.withoutRedis()
	seen.withoutToken()
	for path, item := range seen.doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status := range op.Responses.Map() {
				if name := op.OperationID + " " + status; !seen.got[name] {
					t.Errorf("%s %s: no test brings about %s", method, path, name)
				}
			}
		}
	}
}

func (c *answered) made(b *bench, call call) {
	c.t.Helper()
	call.request.method = call.method
	var a answer
	if call.status == http.StatusRequestTimeout {
		a = b.stalled(call.path)
	} else {
		a = b.do(call.request)
	}
	if a.status != call.status {
		c.t.Errorf("%s %s: status %d, want %d: %s", call.method, call.path, a.status, call.status, a.body)
	}
	c.by(a, call.method, call.route)
}

// ofEach is a call of each operation under /v1.
var ofEach = []call{calls[0], calls[9], calls[13], calls[17]}

func (c *answered) withoutRedis() {
	c.t.Helper()
	server := redistest.StartServer(c.t)
	b := newBenchAt(c.t, server.Addr)
	b.api.HurryRedis(300 * time.Millisecond)
	server.Kill()
	for _, call := range append(slices.Clone(ofEach), call{"GET", "/readyz", 503, request{path: "/readyz"}}) {
		if call.route != batch { // which tells it line by line
			call.status = http.StatusServiceUnavailable
			c.made(b, call)
		}
	}
}

func (c *answered) withoutToken() {
	c.t.Helper()
	b := newBench(c.t, withTokens(map[string]string{"shop": "secret"}))
	for _, call := range ofEach {
		call.status = http.StatusUnauthorized
		c.made(b, call)
	}
}

func TestNoRoute(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""}, {"GET", "/v1/orders/M1", 404, ""}, {"POST", "/v1/orders/M1/r/forget", 404, ""},
		{"DELETE", "/v1/orders/M1/r", 405, "GET, HEAD"}, {"GET", "/v1/orders", 405, "POST"},
	} {
		a := b.do(request{method: c.method, path: c.path}).want(t, c.status)
		if p := decoded[api.Problem](t, a); a.header.Get("Content-Type") != "application/problem+json" || p.Status != c.status || a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %v %+v", c.method, c.path, a.header, p)
		}
	}
}
