package pacing

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	// leastLate is how late a call may be and still use the slot it was let through for.
	leastLate = 25 * time.Millisecond

	// lead is how long before its time a slot is given to an order, and how long before its last one is due a process takes
	// more: longer than taking them takes.
	lead = 20 * time.Millisecond
)

// late is how late a slot may be used.
func late(interval time.Duration) time.Duration { return max(interval, leastLate) }

// gate lets a merchant's calls through one after the other. The orders of one process wait in its line, and the first of them, an
// interactive one if there is any, gets the next slot that the process took. So an interactive order may use any slot whose time has
// not nearly come, and all calls of all lanes and processes are an interval apart.
type gate struct {
	source   GateSource
	merchant string

	mu       sync.Mutex
	interval time.Duration
	crowds   crowds
	slots    []time.Time // that were taken and not given away
	owed     []time.Time // when calls were made that take another slot
	free     time.Time   // when the next slot is that nobody has taken, at the earliest
	pumping  bool        // slots are taken and given to those who wait, as long as there are any
	poke     chan struct{}
	refused  int       // how often in turn bulk orders found the next slot too far away
	again    time.Time // when they ask again
}

func newGate(merchantID string, source GateSource) *gate {
	return &gate{
		source:   source,
		merchant: merchantID,
		crowds:   crowds{order.Interactive: {}, order.Bulk: {}},
		poke:     make(chan struct{}, 1),
	}
}

// lineUp has an order wait for its turn, or sends it away if that is too far away.
func (g *gate) lineUp(ctx context.Context, lane order.Lane, interval time.Duration) *Place {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retime(interval)
	c := g.crowds[lane]
	c.comes()
	about := g.about(lane)
	if early := about - stays(lane); early > 0 {
		return decided(c.away(early, interval))
	}
	p := &Place{about: about, until: time.Now().Add(patience), verdict: make(chan verdict, 1), gate: g, lane: lane}
	c.waiting = append(c.waiting, p)
	g.give()
	switch {
	case g.crowds.first() == nil:
	case !g.pumping:
		g.pumping = true
		go g.pump(context.WithoutCancel(ctx))
	case lane == order.Interactive:
		g.wake()
	}
	return p
}

// stays is how long an order may have to wait here, about. One that is sent away comes back so long before its turn, for it comes
// later than it is told: on the next second.
func stays(lane order.Lane) time.Duration {
	if lane == order.Interactive {
		return 2 * Ahead
	}
	return Ahead
}

// retime takes note of the limit. What was taken under another one is dropped.
func (g *gate) retime(interval time.Duration) {
	if g.interval == interval {
		return
	}
	g.interval, g.slots, g.owed = interval, nil, nil
	g.free, g.again = time.Time{}, time.Time{}
	for _, c := range g.crowds {
		c.back = time.Time{}
	}
	g.wake()
}

// about is how long an order would wait for its turn.
func (g *gate) about(lane order.Lane) time.Duration {
	g.forgetPast()
	ahead := g.crowds.ahead(lane)
	if ahead < len(g.slots) {
		return time.Until(g.slots[ahead])
	}
	return max(0, time.Until(g.free)) + time.Duration(ahead-len(g.slots))*g.interval
}

// give gives slots whose time has nearly come to those who wait.
func (g *gate) give() {
	g.forgetPast()
	for len(g.slots) > 0 && time.Until(g.slots[0]) <= lead {
		p := g.crowds.first()
		if p == nil {
			return
		}
		g.crowds.decide(p, verdict{at: g.slots[0], mine: true})
		g.slots = g.slots[1:]
	}
}

// forgetPast drops slots that nobody used in time: used later, they would add up to a burst.
func (g *gate) forgetPast() {
	for len(g.slots) > 0 && time.Since(g.slots[0]) > late(g.interval) {
		g.slots = g.slots[1:]
	}
}

// called takes another slot for a call that is made now, if it is too late for the one that it was let through for.
func (g *gate) called(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(at) > late(g.interval) {
		g.owed = append(g.owed, now)
		g.pay()
	}
}

// pay gives up slots for calls that were made too late. After a second they count no more.
func (g *gate) pay() {
	for len(g.owed) > 0 && time.Since(g.owed[0]) > time.Second {
		g.owed = g.owed[1:]
	}
	n := min(len(g.owed), len(g.slots))
	g.owed, g.slots = g.owed[n:], g.slots[n:]
}

// giveUp takes an order out of the line and sends it away, unless its turn has just come.
func (g *gate) giveUp(p *Place) verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.crowds[p.lane]
	i := slices.Index(c.waiting, p)
	if i < 0 {
		return <-p.verdict
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	g.wake()
	return c.away(g.about(p.lane)-stays(p.lane), g.interval)
}

// wake has the pump look at those who wait.
func (g *gate) wake() {
	select {
	case g.poke <- struct{}{}:
	default:
	}
}
