package pacing

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// How much of a merchant's rate a process takes from the shared limit at once at most: long enough that the limiter costs
// little, short enough that others need not wait long. Places in the line are only for coming back in turn.
const (
	lineSpan = 750 * time.Millisecond
	gateSpan = 300 * time.Millisecond
)

// slots are those that this process has taken and not given to an order yet.
type slots struct {
	mu    sync.Mutex
	batch batch
}

// batch is slots that were taken together. Those that are not used in time are lost to all processes. So a process takes one at
// first, and more only when its orders come fast enough.
type batch struct {
	next     time.Time // of those that are left; by this process' clock
	left     int
	interval time.Duration

	n       int // that were taken
	taken   time.Time
	unused  int       // that nobody used in time
	lacking time.Time // since when an order needs one and none is left
}

// reach says which slots are of use.
type reach struct {
	span  time.Duration // of those that are taken at once, at most
	late  time.Duration // how late a slot may be used
	ahead time.Duration // how far from now the first may be
}

// fill takes slots if none are left. It returns how far from now the next one is, and false if source has none within reach.
func (b *batch) fill(interval time.Duration, r reach, source func(n int) (time.Duration, error)) (time.Duration, bool, error) {
	now := time.Now()
	b.forgetPast(now, r.late)
	if b.left == 0 || b.interval != interval {
		if b.lacking.IsZero() {
			b.lacking = now
		}
		n := min(b.wanted(r.late), max(1, int(r.span/interval)))
		first, err := source(n)
		if err != nil || first > r.ahead {
			return first, false, err
		}
		now = time.Now()
		*b = batch{next: now.Add(first), left: n, interval: interval, n: n, taken: now}
	}
	wait := b.next.Sub(now)
	return wait, wait <= r.ahead, nil
}

// wanted is how many slots to take: as many as were used of the last ones, or if all were, as many as will be.
//
// Where orders come less often than slots, each is further behind its slot than the one before, until one finds its slot past. Half
// as many slots are taken as that takes, since orders do not come evenly.
func (b *batch) wanted(late time.Duration) int {
	if b.unused > 0 || b.n == 0 {
		return max(1, b.n-b.unused)
	}
	most := 2 * b.n
	behind := b.lacking.Sub(b.taken)/time.Duration(b.n) - b.interval
	if behind <= 0 {
		return most
	}
	return min(most, max(1, int(late/behind/2)))
}

// use gives the next slot away, and returns when it is.
func (b *batch) use() time.Time {
	slot := b.next
	b.next, b.left = b.next.Add(b.interval), b.left-1
	return slot
}

// forgetPast drops slots that nobody used in time: used later, they would add up to a burst.
func (b *batch) forgetPast(now time.Time, late time.Duration) {
	for b.left > 0 && now.Sub(b.next) > late {
		b.use()
		b.unused++
	}
}

// Slot gives the next slot of a merchant's rate limit to one order, and returns how long to wait
// for it. perSecond is the limit; 0 means that there is none. Another limit than before takes effect at once; slots that
// this process took under the old one and did not give away are dropped.
func (p *Pacer) Slot(ctx context.Context, merchantID string, perSecond float64, lane order.Lane) (time.Duration, error) {
	if perSecond <= 0 {
		return 0, nil
	}
	interval := Interval(perSecond)
	s := p.of(merchantID).slots[lane]
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, err := s.batch.fill(interval, reach{span: lineSpan, late: lineSpan, ahead: math.MaxInt64}, func(n int) (time.Duration, error) {
		return p.source(ctx, merchantID, lane, interval, n)
	})
	if err != nil {
		return 0, err
	}
	return max(0, time.Until(s.batch.use())), nil
}

// Interval is the time between two slots of a rate limit; 0 when there is none.
func Interval(perSecond float64) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / perSecond)
}
