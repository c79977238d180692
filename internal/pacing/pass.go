package pacing

import (
	"context"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	// Ahead is how long an order waits for its turn in a process, about, and not in the queue: longer than orders that come
	// back together, on the second, take to go one after the other.
	Ahead = time.Second

	// patience is how long one waits that was wrong about that, since the orders of other processes have their turns too. It is
	// less than an attempt may take besides its call.
	patience = 3 * time.Second
)

// Pass says when an order's call may be made. Say so with Called when it is.
type Pass struct {
	Wait time.Duration
	Mine bool // the call is let through after Wait; otherwise the order has to come back then

	gate *gate
	at   time.Time
}

// Called says that the call is made now. One that is later than its slot allows, since there was no room among the calls that are
// made at once, takes another slot as well: otherwise those that waited for room together would be made beside those whose turn it
// is by then.
func (p Pass) Called() {
	if p.gate != nil && p.Mine {
		p.gate.called(p.at)
	}
}

// Place is an order's place in its process' line before a merchant's gate.
type Place struct {
	about   time.Duration // until its turn
	until   time.Time     // when it gives up
	verdict chan verdict  // has one, once it is known
	gate    *gate
	lane    order.Lane
}

// verdict is a pass as it is at any time, or why there is none.
type verdict struct {
	at   time.Time
	mine bool
	err  error
}

func decided(v verdict) *Place {
	p := &Place{verdict: make(chan verdict, 1)}
	p.verdict <- v
	return p
}

// LineUp has an order line up for its call: use Soon and Await. waited says that it came back as it was told. The first time, an
// order takes its place in the merchant's line, so that it comes back once, if all goes well. perSecond is the limit; 0 means
// that there is none.
func (p *Pacer) LineUp(ctx context.Context, merchantID string, perSecond float64, lane order.Lane, waited bool) (*Place, error) {
	interval := Interval(perSecond)
	if interval <= 0 {
		return decided(verdict{mine: true}), nil
	}
	if !waited {
		wait, err := p.Slot(ctx, merchantID, perSecond, lane)
		if err != nil {
			return nil, err
		}
		if wait > Ahead {
			return decided(verdict{at: time.Now().Add(wait)}), nil
		}
	}
	return p.of(merchantID).gate.lineUp(ctx, lane, interval), nil
}

// Soon returns the order's pass if that comes within so long. It reports false if it does not, at once if that is foreseen:
// then use Await, where waiting keeps nobody else back.
func (p *Place) Soon(ctx context.Context, within time.Duration) (Pass, bool, error) {
	if p.about > within {
		return Pass{}, false, nil
	}
	v, ok := p.wait(ctx, within)
	return p.pass(v), ok, v.err
}

// Await returns the order's pass. It takes three seconds at most.
func (p *Place) Await(ctx context.Context) (Pass, error) {
	v, ok := p.wait(ctx, time.Until(p.until))
	if !ok {
		v = p.gate.giveUp(p)
	}
	return p.pass(v), v.err
}

func (p *Place) pass(v verdict) Pass {
	return Pass{Wait: max(0, time.Until(v.at)), Mine: v.mine, gate: p.gate, at: v.at}
}

func (p *Place) wait(ctx context.Context, most time.Duration) (verdict, bool) {
	select {
	case v := <-p.verdict:
		return v, true
	default:
	}
	late := time.NewTimer(most)
	defer late.Stop()
	select {
	case v := <-p.verdict:
		return v, true
	case <-late.C:
	case <-ctx.Done():
	}
	return verdict{}, false
}
