package pacing

import (
	"context"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// lineSpan is how much of a merchant's line a process takes at once at most, and how late a place in it may be given away. Places
// in the line are only for coming back in turn.
const lineSpan = 750 * time.Millisecond

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

// fill takes slots if none are left.
func (b *batch) fill(interval time.Duration, source func(n int) (time.Duration, error)) error {
	now := time.Now()
	b.forgetPast(now)
	if b.left > 0 && b.interval == interval {
		return nil
	}
	if b.lacking.IsZero() {
		b.lacking = now
	}
	n := min(b.wanted(), max(1, int(lineSpan/interval)))
	first, err := source(n)
	if err != nil {
		return err
	}
	now = time.Now()
	*b = batch{next: now.Add(first), left: n, interval: interval, n: n, taken: now}
	return nil
}

// wanted is how many slots to take: as many as were used of the last ones, or if all were, as many as will be.
//
// Where orders come less often than slots, each is further behind its slot than the one before, until one finds its slot past. Half
// as many slots are taken as that takes, since orders do not come evenly.
func (b *batch) wanted() int {
	if b.unused > 0 || b.n == 0 {
		return max(1, b.n-b.unused)
	}
	most := 2 * b.n
	behind := b.lacking.Sub(b.taken)/time.Duration(b.n) - b.interval
	if behind <= 0 {
		return most
	}
	return min(most, max(1, int(lineSpan/behind/2)))
}

// use gives the next slot away, and returns when it is.
func (b *batch) use() time.Time {
	slot := b.next
	b.next, b.left = b.next.Add(b.interval), b.left-1
	return slot
}

// forgetPast drops slots that nobody used in time: used later, they would add up to a burst.
func (b *batch) forgetPast(now time.Time) {
	for b.left > 0 && now.Sub(b.next) > lineSpan {
		b.use()
		b.unused++
	}
}

// Slot gives the next slot of a merchant's rate limit to one order, and returns how long to wait
// for it. perSecond is the limit; 0 means that there is none. Another limit than before takes effect at once; slots that
// this process took under the old one and did not give away are dropped.
func (p *Pacer) Slot(ctx context.Context, merchantID string, perSecond float64, lane order.Lane) (time.Duration, error) {
	interval := Interval(perSecond)
	if interval <= 0 {
		return 0, nil
	}
	s := p.of(merchantID).slots[lane]
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.batch.fill(interval, func(n int) (time.Duration, error) {
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
