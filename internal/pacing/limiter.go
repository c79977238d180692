package pacing

import (
	"context"
	"slices"
	"sync"
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

// limiter bounds how many calls are made at once to a merchant's gateway.
type limiter struct {
	mu   sync.Mutex
	most int
	now  adaptivelimiter.AdaptiveLimiter[any]
	old  []adaptivelimiter.AdaptiveLimiter[any] // those of other bounds, while calls are made that they permitted
}

// bound returns the limiter for up to so many calls. Another bound than before starts anew: what the gateway bore under
// the old one says little. Calls that go on from before count as well, so that a lower bound holds at once: crowded says
// that they leave no room.
func (l *limiter) bound(most int) (now adaptivelimiter.AdaptiveLimiter[any], crowded bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.most != most {
		if l.now != nil {
			l.old = append(l.old, l.now)
		}
		l.now, l.most = newLimiter(most), most
	}
	before := 0
	l.old = slices.DeleteFunc(l.old, func(old adaptivelimiter.AdaptiveLimiter[any]) bool {
		before += old.Inflight()
		return old.Inflight() == 0 && old.Queued() == 0
	})
	return l.now, before > 0 && before+l.now.Inflight() >= most
}

// Permit is the right to make one call. Return it with Done.
type Permit struct{ permit adaptivelimiter.Permit }

// Enter asks for the right to make one more call at once to a merchant's gateway: one of most in this process, or of as
// many as the process makes where most is 0. Another most than before takes effect at once; calls that were permitted
// go on. It reports false when the gateway is loaded, and the order should come back later. A fifth of the calls is
// kept for interactive orders.
func (p *Pacer) Enter(ctx context.Context, merchantID string, most int, lane order.Lane) (Permit, bool) {
	m := p.of(merchantID)
	if most <= 0 || most > p.concurrency {
		most = p.concurrency
	}
	limiter, crowded := m.limiter.bound(most)
	if crowded || lane == order.Bulk && 5*limiter.Inflight() >= 4*limiter.Limit() {
		return Permit{}, false
	}
	if !m.throttle.TryAcquirePermit() {
		return Permit{}, false
	}
	permit, err := limiter.AcquirePermitWithMaxWait(ctx, queueFor)
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
