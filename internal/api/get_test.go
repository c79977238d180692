package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/redistest"
)

// republished is the last result once more.
func republished(b *bench) *redis.XAddArgs {
	b.t.Helper()
	stream := b.ledger.Keys().Results()
	last, err := b.rdb.XRevRangeN(ctx, stream, "+", "-", 1).Result()
	if err != nil || len(last) != 1 {
		b.t.Fatalf("%v %v", last, err)
	}
	return &redis.XAddArgs{Stream: stream, Values: last[0].Values}
}

// TestAnyRefWorksInAURL: by the Location, whatever a merchant or a ref is made of.
func TestAnyRefWorksInAURL(t *testing.T) {
	b := newBench(t)
	for _, r := range []string{
		"a/b", "/", "//", "a b", "{ref}", "{}", "a:b", "%", "%2F", "a%2Fb", "?a=b", "#x", ".", "..", "a/../b", "~", "+", "a+b", "日本語", "🙂",
		"\u202eRTL\u202c", "é", "e\u0301", "replay", "batch", ";", "&", "\\", "'\"<>`", strings.Repeat("注", 45),
	} {
		for _, m := range []string{"M1", "M/2 {ü}"} {
			a := b.post("/v1/orders", event("merchant_id", m, "merchant_txn_ref", r)).want(t, http.StatusAccepted)
			where := a.header.Get("Location")
			if v := decoded[lookup.OrderView](t, b.get(where)); v.MerchantID != m || v.Ref != r {
				t.Errorf("%q of %q is %q of %q", r, m, v.Ref, v.MerchantID)
			}
			b.post(where+"/replay", "").want(t, http.StatusConflict)
		}
	}
}

func TestGetOfAnUnknownOrder(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/v1/orders/M1/nobody", "/v1/orders/M1/nobody?wait=20s", "/v1/orders/%FF/%00"} {
		a := b.get(path).want(t, http.StatusNotFound)
		if a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v", a.header)
		}
	}
}

func TestGetShowsWhatHappened(t *testing.T) {
	b := newBench(t)
	b.post("/v1/orders?lane=bulk", event()).want(t, http.StatusAccepted)
	if _, err := b.ledger.Release(ctx, b.claim(key("r")), ledger.Return{After: time.Hour, Why: "unavailable", Asked: true}); err != nil {
		t.Fatal(err)
	}
	v := decoded[lookup.OrderView](t, b.get("/v1/orders/M1/r").want(t, http.StatusOK))
	if v.State != ledger.Queued || v.Why != "unavailable" || time.Until(v.NextTry) < 50*time.Minute || v.Attempts != 1 || v.Lane != "bulk" || v.Breaker != nil {
		t.Errorf("%+v", v)
	}
	var what []string
	for _, s := range v.History {
		what = append(what, string(s.What))
	}
	if !slices.Equal(what, []string{"accepted", "put back"}) {
		t.Errorf("%+v", v.History)
	}
}

func TestGetShowsTheBreakerThatHoldsAnOrder(t *testing.T) {
	b := newBench(t)
	b.post("/v1/orders", event()).want(t, http.StatusAccepted)
	ret := ledger.Return{Why: "misconfigured (http_401)", Asked: true, Excused: true, Breaker: ledger.TripBreaker}
	if s, err := b.ledger.Release(ctx, b.claim(key("r")), ret); err != nil || s != ledger.SettledHeld {
		t.Fatal(s, err)
	}
	v := decoded[lookup.OrderView](t, b.get("/v1/orders/M1/r").want(t, http.StatusOK))
	if v.Breaker == nil || v.Breaker.Held != 1 || v.Breaker.Why != ret.Why || v.HeldSince.IsZero() || v.NextTry.Before(v.Breaker.NextTry) || v.Why == "" {
		t.Errorf("%+v %+v", v, v.Breaker)
	}
}

func TestGetWaits(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t))
	b.post("/v1/orders", event())
	a := b.later(request{method: http.MethodGet, path: "/v1/orders/M1/r?wait=30s"})
	b.awaitReading()
	b.issue(key("r"))
	waited := decoded[lookup.OrderView](t, a().want(t, http.StatusOK))
	later := decoded[lookup.OrderView](t, b.get("/v1/orders/M1/r"))
	if same, now := asText(t, waited), asText(t, later); same != now {
		t.Errorf("who waited was told\n%s\nnot\n%s", same, now)
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestReplay(t *testing.T) {
	b := newBench(t)
	b.post("/v1/orders", event()).want(t, http.StatusAccepted)
	b.post("/v1/orders/M1/nobody/replay", "").want(t, http.StatusNotFound)
	b.post("/v1/orders/M1/r/replay", "").want(t, http.StatusConflict) // queued
	b.fail(key("r"), ledger.Failure{Code: "rejected"})
	b.post("/v1/orders/M1/r/replay", `{"generation": 2}`).want(t, http.StatusConflict)
	a := b.post("/v1/orders/M1/r/replay", `{"generation": 1}`).want(t, http.StatusAccepted)
	if v := decoded[lookup.OrderView](t, a); v.Generation != 2 || v.State != ledger.Queued || a.header.Get("Location") != "/v1/orders/M1/r" {
		t.Errorf("%+v %v", v, a.header)
	}
	b.post("/v1/orders/M1/r/replay", `{"generation": 1}`).want(t, http.StatusConflict)
	b.fail(key("r"), ledger.Failure{Code: ledger.CodePossiblyIssued, Asked: true, Uncertain: true})
	p := decoded[api.Problem](t, b.post("/v1/orders/M1/r/replay", "").want(t, http.StatusConflict))
	if !strings.Contains(p.Detail, "uncertain=true") {
		t.Errorf("%+v", p)
	}
	if v := decoded[lookup.OrderView](t, b.post("/v1/orders/M1/r/replay?uncertain=true", "").want(t, http.StatusAccepted)); v.Generation != 3 {
		t.Errorf("%+v", v)
	}
	for _, body := range []string{"{", `{"gen":1}`, `{"generation":-1}`, `{"generation":"1"}`, `{}{}`, `[]`} {
		b.post("/v1/orders/M1/r/replay", body).want(t, http.StatusBadRequest)
	}
}
