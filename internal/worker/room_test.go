package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/worker"
)

// released counts the attempts that gave their order back.
type released struct{ n atomic.Int64 }

func (r *released) Attempted(_ context.Context, t worker.Attempted) {
	if t.Settled == ledger.SettledReleased {
		r.n.Add(1)
	}
}
func (*released) EmailAttempted(context.Context, worker.EmailAttempted) {}
func (*released) Recovered(order.Lane, int)                             {}

// TestRegressionBulkOrdersWereSentBackInCrowds: where there were more handlers than calls allowed at once, a hundred bulk orders
// took half a minute: all that found no room came again on the second, and eight of them were served.
func TestRegressionBulkOrdersWereSentBackInCrowds(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{Latency: 20 * time.Millisecond}, nil)
		client := gateway.New(gateway.Options{})
		t.Cleanup(client.CloseIdle)
		back, directory := &released{}, merchant.NewDirectory(profile(t, "M1", at))
		b.submit(t, order.Bulk, "b", 100)
		b.serve(t, worker.New(b.ledger, client, directory, intake.New(partition.Single(b.ledger), b.queue, directory, quiet),
			pacing.New(b.ledger.Slots, b.ledger.Gate, 10), 0, quiet, back))
		b.await(t, 100)
		b.idle(t)
		if n := back.n.Load(); n > 20 {
			t.Errorf("100 orders were given back %d times", n)
		}
	})
}
