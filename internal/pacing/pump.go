package pacing

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	// An interactive order waits behind what all processes have taken, so they take little, and not before they need it: for
	// bulk orders no slots that begin further ahead than bulkAhead. Interactive ones may be as far ahead as workers of versions
	// before 2026-11-23 take slots for bulk orders.
	bulkAhead        = 40 * time.Millisecond
	interactiveAhead = Ahead + 300*time.Millisecond

	// At once a process takes slots for gateSpan, or a few if that is fewer, unless those are for more than mostSpan.
	gateSpan, fewSlots, mostSpan = 50 * time.Millisecond, 12, 300 * time.Millisecond
)

// pump gives slots to those who wait until nobody does.
func (g *gate) pump(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, more := g.step(ctx)
		if !more {
			return
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-g.poke:
		}
	}
}

// step gives slots away, takes more if they are needed, and returns how long there is nothing more to do; false once nobody waits.
func (g *gate) step(ctx context.Context) (time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.give()
	p := g.crowds.first()
	if p == nil {
		g.pumping = false
		return 0, false
	}
	at, ahead := g.again, bulkAhead
	if p.lane == order.Interactive {
		at, ahead = g.free.Add(-interactiveAhead), interactiveAhead
	}
	enough := len(g.slots) >= max(1, g.crowds.ahead(order.Interactive))
	if len(g.slots) > 0 {
		if next := g.slots[0].Add(-lead); enough || next.Before(at) {
			at = next
		}
	}
	if wait := time.Until(at); enough || wait > 0 {
		return wait, true
	}
	if err := g.take(ctx, p.lane, ahead); err != nil {
		g.fail(err)
		return 0, false
	}
	return 0, true
}

// take takes slots, if the next one is no further ahead than that. It gives the lock up meanwhile.
func (g *gate) take(ctx context.Context, lane order.Lane, ahead time.Duration) error {
	n, interval := g.wanted(lane), g.interval
	g.mu.Unlock()
	first, err := g.source(ctx, g.merchant, interval, n, ahead)
	g.mu.Lock()
	if err != nil || g.interval != interval {
		return err
	}
	g.free = time.Now().Add(first)
	if first > ahead {
		g.refused++
		g.again = g.free.Add(-bulkAhead + g.turnAway())
		return nil
	}
	g.refused, g.again = 0, time.Time{}
	for range n {
		g.slots = append(g.slots, g.free)
		g.free = g.free.Add(interval)
	}
	g.pay()
	return nil
}

// turnAway is how much longer than needed a process waits that found no slot. Where slots are taken often, it lets others go before,
// so that not all processes ask each time.
func (g *gate) turnAway() time.Duration {
	if time.Duration(g.most())*g.interval > 2*gateSpan {
		return 0
	}
	return rand.N(time.Duration(min(g.refused, 4)) * gateSpan)
}

// wanted is how many slots to take for a lane: for all who wait, and for those who will come in time. Interactive orders take
// none for bulk ones, since they take them further ahead.
func (g *gate) wanted(lane order.Lane) int {
	n, most := g.crowds.ahead(lane)+len(g.owed)-len(g.slots), g.most()
	if n < most {
		n += g.crowds[lane].soon(g.interval, most)
	}
	return min(n, most)
}

// most is how many slots are taken at once at most.
func (g *gate) most() int {
	return max(1, int(max(gateSpan, min(fewSlots*g.interval, mostSpan))/g.interval))
}

// fail tells all who wait why they have no pass.
func (g *gate) fail(err error) {
	for p := g.crowds.first(); p != nil; p = g.crowds.first() {
		g.crowds.decide(p, verdict{err: err})
	}
	g.pumping = false
}
