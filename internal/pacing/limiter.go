package pacing

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"

	"github.com/hpplink/hpplink/internal/order"
)

// newLimiter allows all calls at once at first, and fewer when the gateway gets slower under
// them. What counts as slow it learns by itself.
func newLimiter(most int) adaptivelimiter.AdaptiveLimiter[any] {
	return adaptivelimiter.NewBuilder[any]().
		WithLimits(uint(min(2, most)), uint(most), uint(most)).
		WithMaxLimitFunc(func(int) float64 { return float64(most) }).
		Build()
}

// limiter bounds how many calls are made at once to a merchant's gateway.
type limiter struct {
	mu   sync.Mutex
	most int
	now  adaptivelimiter.AdaptiveLimiter[any]
	old  []adaptivelimiter.AdaptiveLimiter[any] // those of other bounds, while calls are made that they permitted
	line line                                   // of calls that wait until others have ended
}

// bound has the limiter permit up to so many calls. Another bound than before starts anew: what the gateway bore under
// the old one says little. Calls that go on from before count as well, so that a lower bound holds at once.
func (l *limiter) bound(most int) {
	if l.most == most {
		return
	}
	if l.now != nil {
		l.old = append(l.old, l.now)
	}
	l.now, l.most = newLimiter(most), most
}

// try permits a call if there is room for it. A fifth of the calls is kept for interactive orders.
func (l *limiter) try(lane order.Lane) (Permit, bool) {
	before := 0
	l.old = slices.DeleteFunc(l.old, func(old adaptivelimiter.AdaptiveLimiter[any]) bool {
		before += old.Inflight()
		return old.Inflight() == 0
	})
	inflight := l.now.Inflight()
	if before > 0 && before+inflight >= l.most || lane == order.Bulk && 5*inflight >= 4*l.now.Limit() {
		return Permit{}, false
	}
	permit, ok := l.now.TryAcquirePermit()
	return Permit{permit: permit, of: l, begun: time.Now()}, ok
}

// room is how many calls of a lane there may be at once.
func (l *limiter) room(lane order.Lane) int {
	limit := l.now.Limit()
	if lane == order.Bulk {
		return (4*limit + 4) / 5
	}
	return limit
}

// Permit is the right to make one call. Return it with Done.
type Permit struct {
	permit adaptivelimiter.Permit
	of     *limiter
	begun  time.Time

	Again time.Duration // if there is no such right: how much later the order had better ask again
}

// Enter asks for the right to make one more call at once to a merchant's gateway: one of most in this process, or of as
// many as the process makes where most is 0. Another most than before takes effect at once; calls that were permitted
// go on. While others leave no room it waits for its turn, interactive orders before bulk ones, if that comes soon enough.
// It reports false when the gateway is loaded, and the order should come back later. A fifth of the calls is
// kept for interactive orders.
func (p *Pacer) Enter(ctx context.Context, merchantID string, most int, lane order.Lane) (Permit, bool) {
	m := p.of(merchantID)
	if most <= 0 || most > p.concurrency {
		most = p.concurrency
	}
	if !m.throttle.TryAcquirePermit() {
		return Permit{Again: soonAway()}, false
	}
	return m.limiter.enter(ctx, most, lane)
}

// Done returns the permit. The duration of a call that was served tells how loaded the gateway
// is; that of any other tells nothing.
func (p Permit) Done(a Answer) {
	if a == Served {
		p.permit.Record()
	} else {
		p.permit.Drop()
	}
	p.of.left(time.Since(p.begun))
}
