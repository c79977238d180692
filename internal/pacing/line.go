package pacing

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	// queueFor is how long a call waits for its turn in the process. An order whose turn does not come by then is better
	// off in the queue, and leaves its handler to others: so one merchant's slow gateway holds few of them. It is nearly
	// the step in which the queue brings orders back, so that there are calls to make from one step to the next.
	queueFor = 900 * time.Millisecond
	// leastAway and mostAway are when an order that is sent back to the queue is to come again.
	leastAway, mostAway = time.Second, 10 * time.Second
)

// line is the calls that wait for their turn. To send an order back to the queue costs more than to let it wait: commands,
// and the time until it comes again; and those that are sent back together come again together.
type line struct {
	waiting map[order.Lane][]chan Permit
	took    time.Duration // how long a call takes, of late
	crowd   time.Time     // when the order that is sent back next is to come again
}

// enter permits a call, at once or when its turn comes, or says when its order had better come again.
func (l *limiter) enter(ctx context.Context, most int, lane order.Lane) (Permit, bool) {
	permit, turn := l.lineUp(most, lane)
	if turn == nil {
		return permit, permit.of != nil
	}
	late := time.NewTimer(queueFor)
	defer late.Stop()
	select {
	case permit = <-turn:
		return permit, true
	case <-late.C:
	case <-ctx.Done():
	}
	return l.giveUp(lane, turn)
}

// lineUp returns a permit, or one that says when to come again, or what a permit will come by.
func (l *limiter) lineUp(most int, lane order.Lane) (Permit, chan Permit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bound(most)
	ahead := len(l.line.waiting[order.Interactive])
	if lane == order.Bulk {
		ahead += len(l.line.waiting[order.Bulk])
	}
	if ahead == 0 {
		if permit, ok := l.try(lane); ok {
			return permit, nil
		}
	} else if l.turns(lane, ahead+1) > queueFor {
		return l.away(lane), nil
	}
	turn := make(chan Permit, 1)
	if l.line.waiting == nil {
		l.line.waiting = map[order.Lane][]chan Permit{}
	}
	l.line.waiting[lane] = append(l.line.waiting[lane], turn)
	return Permit{}, turn
}

// giveUp takes a call out of the line, unless its turn has just come.
func (l *limiter) giveUp(lane order.Lane, turn chan Permit) (Permit, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.line.waiting[lane], turn)
	if i < 0 {
		return <-turn, true
	}
	l.line.waiting[lane] = slices.Delete(l.line.waiting[lane], i, i+1)
	return l.away(lane), false
}

// left notes that a call has ended, and gives its room to those who wait.
func (l *limiter) left(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.line.took == 0 {
		l.line.took = took
	}
	l.line.took += (took - l.line.took) / 8
	for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
		for len(l.line.waiting[lane]) > 0 {
			permit, ok := l.try(lane)
			if !ok {
				return
			}
			l.line.waiting[lane][0] <- permit
			l.line.waiting[lane] = l.line.waiting[lane][1:]
		}
	}
}

// turns is how long it takes about until so many calls have had their turn.
func (l *limiter) turns(lane order.Lane, n int) time.Duration {
	return time.Duration(n) * l.line.took / time.Duration(l.room(lane))
}

// away says when an order had better come again. Those of a crowd are told times one after the other, as closely as calls
// are made, and twice as closely, since some of them will come too early or too late. None waits for long: by then
// there may be room for more.
func (l *limiter) away(lane order.Lane) Permit {
	now := time.Now()
	if first := now.Add(leastAway); l.line.crowd.Before(first) {
		l.line.crowd = first
	}
	l.line.crowd = l.line.crowd.Add(l.turns(lane, 1) / 2)
	if last := now.Add(mostAway); l.line.crowd.After(last) {
		l.line.crowd = last
		return Permit{Again: leastAway + rand.N(mostAway-leastAway)}
	}
	return Permit{Again: l.line.crowd.Sub(now)}
}

// soonAway is when an order had better come again that the throttle keeps back.
func soonAway() time.Duration { return leastAway + rand.N(leastAway/2) }
