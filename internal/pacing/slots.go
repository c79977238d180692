package pacing

import (
	"context"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// How much of a merchant's rate a process takes from the shared limit at once: long enough that the limiter costs
// little, short enough that what is not used does not matter. Places in the line are only for coming back in turn.
const (
	lineSpan = 750 * time.Millisecond
	gateSpan = 300 * time.Millisecond
)

// slots are those that this process has taken and not given to an order yet.
type slots struct {
	mu       sync.Mutex
	next     time.Time // by this process' clock
	left     int
	interval time.Duration
}

// Slot gives the next slot of a merchant's rate limit to one order, and returns how long to wait
// for it. perSecond is the limit; 0 means that there is none. Another limit than before takes effect at once: slots that
// this process took under the old one and did not give away are dropped.
func (p *Pacer) Slot(ctx context.Context, merchantID string, perSecond float64, lane order.Lane) (time.Duration, error) {
	if perSecond <= 0 {
		return 0, nil
	}
	interval := Interval(perSecond)
	s := p.of(merchantID).slots[lane]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetPast(time.Now(), lineSpan)
	if s.left == 0 || s.interval != interval {
		n := max(1, int(lineSpan/interval))
		first, err := p.source(ctx, merchantID, lane, interval, n)
		if err != nil {
			return 0, err
		}
		s.next, s.left, s.interval = time.Now().Add(first), n, interval
	}
	slot := s.next
	s.next, s.left = s.next.Add(interval), s.left-1
	return max(0, time.Until(slot)), nil
}

// Interval is the time between two slots of a rate limit; 0 when there is none.
func Interval(perSecond float64) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / perSecond)
}

// forgetPast drops slots that nobody used in time: used later, they would add up to a burst.
func (s *slots) forgetPast(now time.Time, late time.Duration) {
	for s.left > 0 && now.Sub(s.next) > late {
		s.next, s.left = s.next.Add(s.interval), s.left-1
	}
}
