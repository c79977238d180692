package lookup_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
)

var (
	key   = order.Key{MerchantID: "M1", Ref: "r"}
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	one   = noon.Add(time.Hour)
	local = time.FixedZone("", 9*3600)
)

func TestView(t *testing.T) {
	open := &ledger.Breaker{MerchantID: "M1", Open: true, Since: noon, Until: one, Why: "misconfigured (http_401)", Held: 3}
	base := lookup.OrderView{MerchantID: "M1", Ref: "r", Owed: []string{"link"}, Generation: 1, Lane: "bulk"}
	for name, c := range map[string]struct {
		record  ledger.Record
		breaker *ledger.Breaker
		want    func(*lookup.OrderView)
	}{
		"queued": {ledger.Record{State: ledger.Queued}, nil, func(*lookup.OrderView) {}},
		"waits": {ledger.Record{State: ledger.Queued, Why: "unavailable", WaitUntil: one.In(local)}, nil, func(v *lookup.OrderView) {
			v.Why, v.NextTry = "unavailable", one
		}},
		"held": {ledger.Record{State: ledger.Queued, HeldSince: noon}, open, func(v *lookup.OrderView) {
			v.HeldSince, v.NextTry, v.Why = noon, one, open.Why
			v.Breaker = &lookup.Breaker{Since: noon, NextTry: one, Why: open.Why, Held: 3}
		}},
		"waits for longer than the breaker is open": {ledger.Record{State: ledger.Queued, Why: "unavailable", WaitUntil: one.Add(1)}, open, func(v *lookup.OrderView) {
			v.NextTry, v.Why = one.Add(1), "unavailable"
			v.Breaker = &lookup.Breaker{Since: noon, NextTry: one, Why: open.Why, Held: 3}
		}},
		"sending": {ledger.Record{State: ledger.Sending, Lease: one}, nil, func(v *lookup.OrderView) { v.LeaseEnds = one }},
		"issued": {ledger.Record{State: ledger.Issued, Link: ledger.Link{ID: "L", URL: "u"}, Settled: one}, open, func(v *lookup.OrderView) {
			v.LinkID, v.URL, v.Settled, v.Owed = "L", "u", one, []string{}
		}},
		"failed": {ledger.Record{State: ledger.Failed, Code: "rejected", Message: "no", Uncertain: true, Surplus: 2}, nil, func(v *lookup.OrderView) {
			v.Code, v.Message, v.Uncertain, v.Surplus, v.Owed = "rejected", "no", true, 2, []string{}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := base
			want.State = c.record.State
			c.want(&want)
			c.record.Generation, c.record.Lane = 1, "bulk"
			if diff := cmp.Diff(want, lookup.View(key, c.record, c.breaker)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestViewOfAnOpenOrderHasNoEmptyTimes(t *testing.T) {
	data, err := json.Marshal(lookup.View(key, ledger.Record{State: ledger.Queued, Generation: 1, Lane: "bulk"}, nil))
	want := `{"merchant_id":"M1","merchant_txn_ref":"r","state":"queued","generation":1,"lane":"bulk","attempts":0,"uncertain":false,"owed":["link"]}`
	if err != nil || string(data) != want {
		t.Errorf("%s %v", data, err)
	}
}

func TestAfter(t *testing.T) {
	waiting := lookup.View(key, ledger.Record{State: ledger.Queued, Generation: 2, Lane: "bulk", Why: "unavailable", WaitUntil: one, Accepted: noon}, nil)
	ended := func(kind, data string) results.Event {
		return results.Event{Type: kind, MerchantID: "M1", Ref: "r", Generation: 2, Time: one, Data: json.RawMessage(data)}
	}
	issued := ended(results.LinkIssued, `{"url":"u","link_id":"L","amount":"5","currency":"JPY","attempts":3,"uncertain":true}`)
	got, ok := waiting.After(issued)
	want := lookup.View(key, ledger.Record{
		State: ledger.Issued, Generation: 2, Lane: "bulk", Attempts: 3, Uncertain: true, Link: ledger.Link{ID: "L", URL: "u"}, Amount: "5", Currency: "JPY",
		Accepted: noon, Settled: one, History: []ledger.Step{{At: one, Generation: 2, What: ledger.StepIssued, Detail: "L"}},
	}, nil)
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
	got, ok = waiting.After(ended(results.LinkFailed, `{"code":"rejected","message":"no","attempts":1}`))
	if !ok || got.State != ledger.Failed || got.Code != "rejected" || got.Message != "no" || !got.NextTry.IsZero() || got.Why != "" {
		t.Errorf("%+v", got)
	}
	older, other := issued, issued
	older.Generation, other.Ref = 1, "s"
	for _, e := range []results.Event{older, other, ended(results.LinkIssued, `[`), ended(results.LinkFailed, `7`), ended("email.sent", `{}`)} {
		if got, ok := waiting.After(e); ok || cmp.Diff(waiting, got) != "" {
			t.Errorf("%s: %+v", e.Type, got)
		}
	}
	if strings.Join(waiting.Owed, "") != "link" {
		t.Errorf("who waited was changed: %+v", waiting)
	}
}
