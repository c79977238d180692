package pacing_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

// shared is a merchant's rate limit as the ledger keeps it for all processes (slots.lua): bulk orders line up behind all that was
// handed out, interactive ones behind one another.
type shared struct {
	mu       sync.Mutex
	next     map[order.Lane]time.Time
	commands int
}

func (s *shared) take(ctx context.Context, m string, lane order.Lane, interval time.Duration, n int) (time.Duration, error) {
	return s.through(ctx, m, lane, interval, n, 365*24*time.Hour)
}

func (s *shared) through(_ context.Context, _ string, lane order.Lane, interval time.Duration, n int, ahead time.Duration) (time.Duration, error) {
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
	if first > ahead {
		return first, nil
	}
	span := time.Duration(n) * interval
	if lane == order.Interactive {
		s.next[lane] = s.next[lane].Add(span)
	}
	s.next[order.Bulk] = s.next[order.Bulk].Add(span)
	return first, nil
}

// fleet is processes that share a limit.
type fleet struct {
	perSecond  float64
	line, gate *shared
	pacers     []*pacing.Pacer

	mu    sync.Mutex
	calls map[order.Lane][]time.Time
	waits map[order.Lane][]time.Duration
	all   sync.WaitGroup
}

func newFleet(processes int, perSecond float64) *fleet {
	f := &fleet{perSecond: perSecond, line: &shared{next: map[order.Lane]time.Time{}}, gate: &shared{next: map[order.Lane]time.Time{}},
		calls: map[order.Lane][]time.Time{}, waits: map[order.Lane][]time.Duration{}}
	for range processes {
		f.pacers = append(f.pacers, pacing.New(f.line.take, f.gate.through, 100))
	}
	return f
}

// order works one, from now on, in one process after the other, as asynq brings it.
func (f *fleet) order(t *testing.T, lane order.Lane) {
	begun := time.Now()
	f.all.Go(func() {
		for waited := false; ; waited = true {
			turn, err := f.pacers[rand.IntN(len(f.pacers))].Pass(t.Context(), "M-1", f.perSecond, lane, waited)
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

func (f *fleet) busiest() int {
	calls := slices.Concat(f.calls[order.Interactive], f.calls[order.Bulk])
	slices.SortFunc(calls, time.Time.Compare)
	return busiestSecond(calls)
}

// commands is how many went to the ledger for an order.
func (f *fleet) commands() float64 {
	return float64(f.line.commands+f.gate.commands) / float64(len(f.calls[order.Interactive])+len(f.calls[order.Bulk]))
}

// TestRegressionFewOrdersTookAllSlots: each process took 300 ms of a merchant's rate at once, and its place in the line for 750 ms, for
// however few orders. So two processes with ten interactive orders a second each took all of a rate of 1000, four more than that; and
// bulk orders, whose turn comes after all that was taken, waited until no interactive ones came any more.
func TestRegressionFewOrdersTookAllSlots(t *testing.T) {
	const inflow = 20 * time.Second
	for name, test := range map[string]struct {
		processes         int
		perSecond         float64
		interactive, bulk float64 // that come in a second
		backlog           int     // of bulk orders that are there at first
		most, mostBulk    time.Duration
	}{
		"two processes":           {2, 1000, 20, 0, 100, 10 * time.Millisecond, time.Second},
		"four processes":          {4, 1000, 20, 0, 100, 10 * time.Millisecond, time.Second},
		"a third of the rate":     {4, 1000, 200, 100, 1000, 100 * time.Millisecond, 4 * time.Second},
		"nine tenths of the rate": {8, 1000, 500, 400, 0, 200 * time.Millisecond, 2 * time.Second},
		"a low rate":              {4, 20, 8, 4, 0, time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(test.processes, test.perSecond)
				for range test.backlog {
					f.order(t, order.Bulk)
				}
				f.inflow(t, order.Interactive, test.interactive, inflow)
				if test.bulk > 0 {
					f.inflow(t, order.Bulk, test.bulk, inflow)
				}
				f.all.Wait()
				if w := f.worst(order.Interactive); w > test.most {
					t.Errorf("interactive orders waited %v, want %v at most", w, test.most)
				}
				if w := f.worst(order.Bulk); w > test.mostBulk {
					t.Errorf("bulk orders waited %v, want %v at most", w, test.mostBulk)
				}
				t.Logf("waits %v and %v, %.2f commands an order, %d calls in the busiest second", f.worst(order.Interactive), f.worst(order.Bulk), f.commands(), f.busiest())
			})
		})
	}
}

// TestMuchToDoCostsFewCommands, uses the whole rate, and no more than that.
func TestMuchToDoCostsFewCommands(t *testing.T) {
	for _, processes := range []int{1, 2, 8} {
		synctest.Test(t, func(t *testing.T) {
			const orders, perSecond = 20_000, 1000
			f, begun := newFleet(processes, perSecond), time.Now()
			for range orders {
				f.order(t, order.Bulk)
			}
			f.all.Wait()
			took := time.Since(begun)
			if most := 3 * orders * time.Second / perSecond / 2; took > most {
				t.Errorf("%d processes took %v, want %v at most", processes, took, most)
			}
			if f.busiest() > perSecond*103/100 {
				t.Errorf("%d calls in a second", f.busiest())
			}
			if f.commands() > 0.15 {
				t.Errorf("%.2f commands an order", f.commands())
			}
			t.Logf("%d processes: %v, %.3f commands an order, %d calls in the busiest second", processes, took, f.commands(), f.busiest())
		})
	}
}

// TestInteractiveOrdersPassABacklog of bulk orders, which goes on as fast as the rate allows.
func TestInteractiveOrdersPassABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const orders, perSecond = 10_000, 1000
		f, begun := newFleet(4, perSecond), time.Now()
		for range orders {
			f.order(t, order.Bulk)
		}
		f.inflow(t, order.Interactive, 200, 10*time.Second)
		f.all.Wait()
		if w := f.worst(order.Interactive); w > 100*time.Millisecond {
			t.Errorf("interactive orders waited %v behind bulk ones", w)
		}
		if took, most := time.Since(begun), 5*12*time.Second/4; took > most {
			t.Errorf("the backlog took %v, want %v at most", took, most)
		}
		t.Logf("interactive orders waited %v, all took %v, %d calls in the busiest second", f.worst(order.Interactive), time.Since(begun), f.busiest())
	})
}
