package pacing

import (
	"context"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/hpplink/hpplink/internal/order"
)

// queueFor is how long a call waits for its turn in the process, before its order is better off
// in the queue.
const queueFor = 500 * time.Millisecond

// newLimiter allows all calls at once at first, and fewer when the gateway gets slower under
// them. What counts as slow it learns by itself.
func newLimiter(most int) adaptivelimiter.AdaptiveLimiter[any] {
	return adaptivelimiter.NewBuilder[any]().
		WithLimits(uint(min(2, most)), uint(most), uint(most)).
		WithMaxLimitFunc(func(int) float64 { return float64(most) }).
		WithQueueing(2, 4).
		Build()
}

// Permit is the right to make one call. Return it with Done.
type Permit struct{ permit adaptivelimiter.Permit }

// Enter asks for the right to make one more call at once to a merchant's gateway. It reports
// false when the gateway is loaded, and the order should come back later. A fifth of the calls is
// kept for interactive orders.
func (p *Pacer) Enter(ctx context.Context, merchantID string, lane order.Lane) (Permit, bool) {
	m := p.of(merchantID)
	if lane == order.Bulk && 5*m.limiter.Inflight() >= 4*m.limiter.Limit() {
		return Permit{}, false
	}
	if !m.throttle.TryAcquirePermit() {
		return Permit{}, false
	}
	permit, err := m.limiter.AcquirePermitWithMaxWait(ctx, queueFor)
	return Permit{permit}, err == nil
}

// Done returns the permit. The duration of a call that was served tells how loaded the gateway
// is; that of any other tells nothing.
func (p Permit) Done(a Answer) {
	if a == Served {
		p.permit.Record()
	} else {
		p.permit.Drop()
	}
}
