package pacing_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

// shared is a merchant's line as the ledger keeps it for all processes (slots.lua): bulk orders line up behind all that was
// handed out, interactive ones behind one another.
type shared struct {
	mu       sync.Mutex
	next     map[order.Lane]time.Time
	commands int
}

func (s *shared) take(_ context.Context, _ string, lane order.Lane, interval time.Duration, n int) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands++
	now := time.Now()
	for _, of := range []order.Lane{order.Interactive, order.Bulk} {
		if least := now.Add(-interval); s.next[of].Before(least) {
			s.next[of] = least
		}
	}
	first := s.next[lane].Sub(now)
	span := time.Duration(n) * interval
	if lane == order.Interactive {
		s.next[lane] = s.next[lane].Add(span)
	}
	s.next[order.Bulk] = s.next[order.Bulk].Add(span)
	return first, nil
}

// oneGate is a merchant's gate as the ledger keeps it for all processes (gate.lua): one line for all lanes. A command takes a while.
type oneGate struct {
	mu       sync.Mutex
	next     time.Time
	was      time.Duration
	commands int
}

const mostTrip = 4 * time.Millisecond

func (g *oneGate) through(_ context.Context, _ string, interval time.Duration, n int, ahead time.Duration) (time.Duration, error) {
	time.Sleep(rand.N(mostTrip / 2))
	defer time.Sleep(rand.N(mostTrip / 2))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.commands++
	if g.was == 0 {
		g.was = interval
	}
	now := time.Now()
	slot := g.next.Add(interval - g.was)
	if least := now.Add(-interval); slot.Before(least) {
		slot = least
	}
	if first := slot.Sub(now); first > ahead {
		return first, nil
	}
	g.next, g.was = slot.Add(time.Duration(n)*interval), interval
	return slot.Sub(now), nil
}

// fleet is processes that share a limit.
type fleet struct {
	line   *shared
	gate   *oneGate
	pacers []*pacing.Pacer
	rates  []atomic.Int64 // of each process, calls in 1000 seconds

	mu     sync.Mutex
	calls  map[order.Lane][]time.Time
	waits  map[order.Lane][]time.Duration
	visits int
	all    sync.WaitGroup
}

func newFleet(processes int, perSecond float64) *fleet {
	f := &fleet{line: &shared{next: map[order.Lane]time.Time{}}, gate: &oneGate{}, rates: make([]atomic.Int64, processes),
		calls: map[order.Lane][]time.Time{}, waits: map[order.Lane][]time.Duration{}}
	for i := range processes {
		f.pacers = append(f.pacers, pacing.New(f.line.take, f.gate.through, 100))
		f.rates[i].Store(int64(perSecond * 1000))
	}
	return f
}

// order works one, from now on, in one process after the other, as asynq brings it.
func (f *fleet) order(t *testing.T, lane order.Lane) { f.come(t, lane, false) }

// come is order, also for one that has waited in the line already.
func (f *fleet) come(t *testing.T, lane order.Lane, waited bool) {
	begun := time.Now()
	f.all.Go(func() {
		visits := 1
		for ; ; waited, visits = true, visits+1 {
			in := rand.IntN(len(f.pacers))
			turn, err := f.pacers[in].Pass(t.Context(), "M-1", float64(f.rates[in].Load())/1000, lane, waited)
			if err != nil {
				t.Error(err)
				return
			}
			if turn.Mine {
				time.Sleep(turn.Wait)
				break
			}
			time.Sleep(time.Until(time.Now().Add(turn.Wait).Truncate(time.Second).Add(time.Second)))
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls[lane] = append(f.calls[lane], time.Now())
		f.waits[lane] = append(f.waits[lane], time.Since(begun))
		f.visits += visits
	})
}

// inflow hands orders in, at random times, so many in a second.
func (f *fleet) inflow(t *testing.T, lane order.Lane, perSecond float64, d time.Duration) {
	f.all.Go(func() {
		for end := time.Now().Add(d); time.Now().Before(end); {
			f.order(t, lane)
			time.Sleep(time.Duration(rand.ExpFloat64() / perSecond * float64(time.Second)))
		}
	})
}

// worst is the longest wait of all but a hundredth of a lane's orders.
func (f *fleet) worst(lane order.Lane) time.Duration {
	slices.Sort(f.waits[lane])
	if n := len(f.waits[lane]); n > 0 {
		return f.waits[lane][(n-1)*99/100]
	}
	return 0
}

func (f *fleet) busiest() int { return busiestSecond(f.sorted()) }

// sorted is when all calls were made.
func (f *fleet) sorted() []time.Time {
	calls := slices.Concat(f.calls[order.Interactive], f.calls[order.Bulk])
	slices.SortFunc(calls, time.Time.Compare)
	return calls
}

// commands is how many went to the ledger for an order.
func (f *fleet) commands() float64 {
	return float64(f.line.commands+f.gate.commands) / float64(len(f.calls[order.Interactive])+len(f.calls[order.Bulk]))
}
