package worker_test

import (
	"testing"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/worker"
)

// TestNoMoreCallsAtOnceThanAllowed has more handlers than calls: the others claim their orders meanwhile, and wait.
func TestNoMoreCallsAtOnceThanAllowed(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		calling, goOn := make(chan struct{}, 100), make(chan struct{})
		_, at := gatewayAt(t, sandbox.Options{}, func() { calling <- struct{}{}; <-goOn })
		b.submit(t, order.Bulk, "r", 12)
		b.serve(t, b.worker(t, profile(t, "M1", at)).AtOnce(worker.NewPlaces(3)))
		eventually(t, "three calls are made", func() bool { return len(calling) == 3 })
		eventually(t, "all orders are claimed", func() bool { return b.counts(t).Sending[order.Bulk] == 12 })
		if len(calling) != 3 {
			t.Errorf("%d calls at once", len(calling))
		}
		close(goOn)
		b.await(t, 12)
	})
}
