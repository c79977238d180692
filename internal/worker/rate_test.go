package worker_test

import (
	"sync"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/order"
)

// TestRegressionRateExceededWithBothLanesAtTheGateway: calls for interactive orders did not wait for those of bulk orders that had been let
// through before, so that in one second twice as many came to the gateway as its merchant's rate allows.
func TestRegressionRateExceededWithBothLanesAtTheGateway(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const perSecond, orders = 50, 75
		var mu sync.Mutex
		var calls []time.Time
		_, at := gatewayAt(t, sandbox.Options{}, func() {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, time.Now())
		})
		limited := profile(t, "M1", at)
		limited.Rate = perSecond
		b.submit(t, order.Bulk, "b", orders)
		b.serve(t, b.worker(t, limited))
		b.serve(t, b.worker(t, limited))
		b.await(t, 5) // bulk orders are let through
		b.submit(t, order.Interactive, "i", orders)
		b.await(t, 2*orders)
		mu.Lock()
		defer mu.Unlock()
		busiest, from := 0, 0
		for i := range calls {
			for calls[i].Sub(calls[from]) >= time.Second {
				from++
			}
			busiest = max(busiest, i-from+1)
		}
		if most := perSecond*11/10 + 2; busiest > most {
			t.Errorf("%d calls in the busiest second, want %d at most", busiest, most)
		}
		t.Logf("%d calls in %v, %d in the busiest second", len(calls), calls[len(calls)-1].Sub(calls[0]), busiest)
	})
}
