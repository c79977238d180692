package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestSubmitTakesAnOrderOnce(t *testing.T) {
	b := newBench(t)
	a := b.post("/v1/orders", ref("a/b {c}: 注文 \u202e🙂"))
	got := decoded[api.OrderAnswer](t, a.want(t, http.StatusAccepted))
	if got.Status != "accepted" || got.State != ledger.Queued || got.Generation != 1 || got.Lane != order.Interactive || !slices.Equal(got.Owed, []string{"link"}) {
		t.Errorf("%+v", got)
	}
	where := a.header.Get("Location")
	if v := decoded[lookup.OrderView](t, b.get(where).want(t, http.StatusOK)); v.Ref != "a/b {c}: 注文 \u202e🙂" {
		t.Errorf("%s is %+v", where, v)
	}
	again := decoded[api.OrderAnswer](t, b.post("/v1/orders?lane=bulk", ref("a/b {c}: 注文 \u202e🙂")).want(t, http.StatusOK))
	if again.Status != "known" || again.State != ledger.Queued {
		t.Errorf("%+v", again)
	}
	b.issue(key(got.Ref))
	known := decoded[api.OrderAnswer](t, b.post("/v1/orders?wait=20s", ref("a/b {c}: 注文 \u202e🙂")).want(t, http.StatusOK))
	if known.State != ledger.Issued || known.URL == "" || known.LinkID == "" || len(known.Owed) != 0 {
		t.Errorf("%+v", known)
	}
}

// TestSubmitDecodesTheBytesThatCame: a body that passes through another decoder first loses what ours refuses.
func TestSubmitDecodesTheBytesThatCame(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		body    string
		field   string
		message string
	}{
		"name twice":     {strings.Replace(event(), `{`, `{"amount":1,`, 1), "", "given twice"},
		"bad UTF-8":      {strings.Replace(event(), "shop.example", "shop\xff.example", 1), "", "UTF-8"},
		"unknown key":    {event("ammount", 1), "/ammount", `"amount"`},
		"digits":         {strings.Replace(event(), "1000", "1000.0000000000000001", 1), "/amount", ""},
		"nothing":        {"", "", "empty"},
		"null":           {"null", "", "null"},
		"array":          {"[" + event() + "]", "", "array"},
		"two":            {event() + event(), "", "more follows"},
		"deep":           {event("extra", deep(40)), "", "deeper"},
		"cut":            {event()[:50], "", "cut short"},
		"other merchant": {event("merchant_id", "nobody"), "/merchant_id", "no profile"},
	} {
		t.Run(name, func(t *testing.T) {
			p := decoded[api.Problem](t, b.post("/v1/orders", c.body).want(t, http.StatusUnprocessableEntity))
			if len(p.Errors) == 0 || p.Errors[0].Field != c.field || !strings.Contains(p.Errors[0].Message, c.message) {
				t.Errorf("%+v", p)
			}
		})
	}
}

func deep(n int) (v any) {
	for range n {
		v = map[string]any{"a": v}
	}
	return v
}

func TestSubmitTellsEverythingThatIsWrong(t *testing.T) {
	b := newBench(t)
	a := b.post("/v1/orders", event("amount", -1, "currency", "XXQ", "billing_address", map[string]any{"country": "Atlantis"}, "merchant_email", "kenji tanaka"))
	p := decoded[api.Problem](t, a.want(t, http.StatusUnprocessableEntity))
	var fields []string
	for _, e := range p.Errors {
		fields = append(fields, e.Field)
	}
	if !slices.Equal(fields, []string{"/amount", "/billing_address/country", "/currency", "/merchant_email"}) {
		t.Errorf("%+v", p)
	}
	if strings.Contains(a.body, "kenji") {
		t.Errorf("it repeats what was sent: %s", a.body)
	}
}

func TestSubmitOfAnotherOrderIsAConflict(t *testing.T) {
	b := newBench(t)
	b.post("/v1/orders", event()).want(t, http.StatusAccepted)
	p := decoded[api.Problem](t, b.post("/v1/orders", event("amount", 7, "currency", "KRW")).want(t, http.StatusConflict))
	if !slices.Equal(p.Fields, []string{"amount", "currency"}) || p.Errors[0].Field != "/amount" || p.Instance != "/v1/orders/M1/r" {
		t.Errorf("%+v", p)
	}
	b.fail(key("r"), ledger.Failure{Code: ledger.CodePossiblyIssued, Asked: true, Uncertain: true})
	p = decoded[api.Problem](t, b.post("/v1/orders", event("amount", 7)).want(t, http.StatusConflict))
	if !strings.Contains(p.Detail, "reissue=true") {
		t.Errorf("%+v", p)
	}
	got := decoded[api.OrderAnswer](t, b.post("/v1/orders?reissue=true", event("amount", 7)).want(t, http.StatusAccepted))
	if got.Generation != 2 {
		t.Errorf("%+v", got)
	}
}

func TestSubmitWaitsForTheLink(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t))
	a := b.later(request{method: http.MethodPost, path: "/v1/orders?wait=30s", body: event()})
	b.awaitReading()
	b.issue(key("r"))
	got := decoded[api.OrderAnswer](t, a().want(t, http.StatusOK))
	if got.Status != "accepted" || got.URL != "https://pay.example/r" || got.LinkID != "L-r" || got.Amount != "1000" || got.Attempts != 1 || len(got.Owed) != 0 {
		t.Errorf("%+v", got)
	}
	if n := len(got.History); n != 2 || got.History[1].What != ledger.StepIssued {
		t.Errorf("%+v", got.History)
	}
}

func TestSubmitWaitsForAFailureOfItsOwnGeneration(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t))
	b.post("/v1/orders", event())
	b.fail(key("r"), ledger.Failure{Code: "rejected", Message: "first"})
	a := b.later(request{method: http.MethodPost, path: "/v1/orders?wait=30s", body: event("amount", 7)}) // a correction
	b.awaitReading()
	b.rdb.XAdd(ctx, republished(b)) // the first failure again, as after a lost second of Redis
	b.fail(key("r"), ledger.Failure{Code: "rejected", Message: "second"})
	got := decoded[api.OrderAnswer](t, a().want(t, http.StatusOK))
	if got.State != ledger.Failed || got.Message != "second" || got.Generation != 2 {
		t.Errorf("%+v", got)
	}
}

func TestSubmitAnswersWithTheStateWhenTheTimeIsOver(t *testing.T) {
	b := newBench(t)
	got := decoded[api.OrderAnswer](t, b.post("/v1/orders?wait=50ms", event()).want(t, http.StatusAccepted))
	if got.State != ledger.Queued {
		t.Errorf("%+v", got)
	}
	b.claim(key("r"))
	got = decoded[api.OrderAnswer](t, b.post("/v1/orders?wait=50ms", event()).want(t, http.StatusAccepted))
	if got.Status != "known" || got.State != ledger.Sending || got.LeaseEnds.Before(time.Now()) {
		t.Errorf("%+v", got)
	}
}

func TestSubmitHoldsBackWhenTooMuchIsOpen(t *testing.T) {
	b := newBench(t)
	b.post("/v1/orders", event("merchant_id", "small", "merchant_txn_ref", "a")).want(t, http.StatusAccepted)
	a := b.post("/v1/orders", event("merchant_id", "small", "merchant_txn_ref", "b")).want(t, http.StatusServiceUnavailable)
	if a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "too many") {
		t.Errorf("%v %s", a.header, a.body)
	}
}

func TestWhileRedisIsAway(t *testing.T) {
	server := redistest.StartServer(t)
	b := newBenchAt(t, server.Addr)
	b.api.HurryRedis(300 * time.Millisecond)
	server.Kill()
	for _, r := range []request{
		{method: http.MethodPost, path: "/v1/orders?wait=1s", body: event()},
		{method: http.MethodGet, path: "/v1/orders/M1/r"},
		{method: http.MethodGet, path: "/v1/orders/M1/r?wait=50ms"},
		{method: http.MethodPost, path: "/v1/orders/M1/r/replay"},
	} {
		if a := b.do(r).want(t, http.StatusServiceUnavailable); a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %v", r.method, r.path, a.header)
		}
	}
	if got := b.get("/readyz").want(t, http.StatusServiceUnavailable).body; !strings.Contains(got, `"redis":"not ready"`) {
		t.Error(got)
	}
	b.get("/healthz").want(t, http.StatusOK)
}

func TestParametersThatAreWrong(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ query, field string }{
		{"wait=soon", "wait"}, {"wait=61s", "wait"}, {"wait=-1s", "wait"}, {"lane=fast", "lane"}, {"reissue=maybe", "reissue"}, {"wiat=20s", "wiat"},
	} {
		p := decoded[api.Problem](t, b.post("/v1/orders?"+c.query, event()).want(t, http.StatusBadRequest))
		if len(p.Errors) != 1 || p.Errors[0].Field != c.field || p.Errors[0].Message == "" {
			t.Errorf("%s: %+v", c.query, p)
		}
	}
	p := decoded[api.Problem](t, b.post("/v1/orders?wait=soon&lane=fast", event()).want(t, http.StatusBadRequest))
	if fmt.Sprint(len(p.Errors)) != "2" {
		t.Errorf("%+v", p)
	}
}
