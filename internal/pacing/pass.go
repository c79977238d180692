package pacing

import (
	"context"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// Ahead is how far ahead a call may be let through: longer than orders that come back together, on the second, take to
// go one after the other.
const Ahead = time.Second

// leastLate is how late a call may be and still use the place it was let through for.
const leastLate = 25 * time.Millisecond

// Pass says when an order's call may be made.
type Pass struct {
	Wait time.Duration
	Mine bool // the call is let through after Wait; otherwise the order has to come back then
}

// Pass lets a call through, at most Ahead from now, or says when the order had better come back. waited says that it did come
// back. The first time an order takes its place in the merchant's line, so that it comes back once, if all goes well.
// perSecond is the limit; 0 means that there is none.
func (p *Pacer) Pass(ctx context.Context, merchantID string, perSecond float64, lane order.Lane, waited bool) (Pass, error) {
	if perSecond <= 0 {
		return Pass{Mine: true}, nil
	}
	if !waited {
		wait, err := p.Slot(ctx, merchantID, perSecond, lane)
		if err != nil || wait > Ahead {
			return Pass{Wait: wait}, err
		}
	}
	interval := Interval(perSecond)
	return p.of(merchantID).gates[lane].pass(interval, func(n int) (time.Duration, error) {
		return p.gate(ctx, merchantID, lane, interval, n, Ahead)
	})
}

// gate is what this process was let through for and did not use yet.
type gate struct {
	mu       sync.Mutex
	calls    batch
	crowd    time.Time // when the order that is sent away next is to come back
	free     time.Time // when the next slot is at the earliest, where it was too far ahead
	interval time.Duration
}

func (g *gate) pass(interval time.Duration, source func(n int) (time.Duration, error)) (Pass, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.interval != interval {
		g.interval, g.crowd, g.free = interval, time.Time{}, time.Time{}
	}
	if wait := time.Until(g.free); wait > Ahead {
		return g.away(wait, interval), nil
	}
	wait, ok, err := g.calls.fill(interval, reach{span: gateSpan, late: max(interval, leastLate), ahead: Ahead}, source)
	if err != nil {
		return Pass{}, err
	}
	if !ok {
		g.free = time.Now().Add(wait)
		return g.away(wait, interval), nil
	}
	return Pass{Wait: max(0, time.Until(g.calls.use())), Mine: true}, nil
}

// away sends an order away. Those of a crowd are told times one after the other: they do not come back as one.
func (g *gate) away(wait, interval time.Duration) Pass {
	if next := time.Now().Add(wait); g.crowd.Before(next) {
		g.crowd = next
	}
	g.crowd = g.crowd.Add(interval)
	return Pass{Wait: time.Until(g.crowd)}
}
