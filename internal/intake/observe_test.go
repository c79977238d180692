package intake_test

import (
	"context"
	"slices"
	"testing"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestObserversAreToldOfEveryEvent(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr())
	var told [2][]intake.Status
	observer := func(i int) intake.Observer {
		return func(_ context.Context, events []intake.Event, receipts []intake.Receipt) {
			if len(events) != len(receipts) {
				t.Errorf("%d receipts for %d events", len(receipts), len(events))
			}
			for _, r := range receipts {
				told[i] = append(told[i], r.Status)
			}
		}
	}
	d := b.door(shops(shop("M1"))).Observe(observer(0), observer(1))
	event := intake.Event{JSON: []byte(`{"merchant_txn_ref":"r","currency":"JPY"}`), Lane: order.Bulk}
	d.Try(ctx, []intake.Event{event}) // takes nothing in
	d.Submit(ctx, []intake.Event{event, {JSON: []byte(`{}`)}})
	d.Submit(ctx, []intake.Event{event})
	d.Told(ctx, event, intake.Receipt{Status: intake.Conflict})
	want := []intake.Status{intake.Accepted, intake.Rejected, intake.Known, intake.Conflict}
	if !slices.Equal(told[0], want) || !slices.Equal(told[1], want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}
