package pacing_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

// work has a process work n orders of a lane that wait in a queue: with so many handlers, while most of them may call at
// once. It returns how long all took, and how often one was sent back to the queue, from where it comes as asynq brings it:
// on the second.
func work(t *testing.T, lane order.Lane, n, handlers, most int, call time.Duration) (took time.Duration, back int64) {
	t.Helper()
	p := pacing.New(nil, nil, 100)
	queue := make(chan struct{}, n)
	for range n {
		queue <- struct{}{}
	}
	var away atomic.Int64
	var all, orders sync.WaitGroup
	orders.Add(n)
	begun := time.Now()
	for range handlers {
		all.Go(func() {
			for range queue {
				time.Sleep(time.Millisecond) // to claim it
				permit, ok := p.Enter(t.Context(), "M-1", most, lane)
				if ok {
					time.Sleep(call + rand.N(call/4))
					permit.Done(pacing.Served)
					orders.Done()
					continue
				}
				away.Add(1)
				comes := time.Now().Add(permit.Again).Truncate(time.Second).Add(time.Second)
				time.AfterFunc(time.Until(comes), func() { queue <- struct{}{} })
			}
		})
	}
	orders.Wait()
	took = time.Since(begun)
	close(queue)
	all.Wait()
	return took, away.Load()
}

// TestRegressionOrdersWaitForTheirTurn: a bulk order that found no room for its call went back to the queue at once, and all of
// them came again together, on the second, when eight of them found room: four in a second were served, however short a call
// was, and each went through the queue up to 500 times.
func TestRegressionOrdersWaitForTheirTurn(t *testing.T) {
	for name, test := range map[string]struct {
		n, handlers, most int
		call              time.Duration
		back              float64 // of an order, at most
	}{
		"quick":           {100, 20, 10, 20 * time.Millisecond, 0},
		"many handlers":   {1000, 50, 10, 20 * time.Millisecond, 0},
		"slower":          {1000, 50, 10, 200 * time.Millisecond, 4},
		"slow":            {200, 50, 10, 2 * time.Second, 6},
		"slower than any": {50, 50, 4, 10 * time.Second, 25},
		"one at a time":   {50, 50, 1, 20 * time.Millisecond, 1},
		"one slow":        {50, 50, 1, 500 * time.Millisecond, 4},
		"long backlog":    {10_000, 50, 10, 100 * time.Millisecond, 0.01},
	} {
		for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
			t.Run(name+" "+string(lane), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					took, back := work(t, lane, test.n, test.handlers, test.most, test.call)
					room := test.most
					if lane == order.Bulk {
						room = max(1, room*4/5)
					}
					least := time.Duration(test.n) * test.call * 9 / 8 / time.Duration(room)
					if took > least*13/10+2*time.Second {
						t.Errorf("%d orders took %v; without a pause it is %v", test.n, took, least)
					}
					if most := test.back * float64(test.n); float64(back) > most {
						t.Errorf("orders were sent back %d times, want %v at most", back, most)
					}
					t.Logf("took %v, without a pause %v; sent back %.2f times each", took, least, float64(back)/float64(test.n))
				})
			})
		}
	}
}

// TestInteractiveCallsHaveTheirTurnFirst: whoever waits longer.
func TestInteractiveCallsHaveTheirTurnFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacing.New(nil, nil, 5)
		var mu sync.Mutex
		went := map[order.Lane][]time.Time{}
		var all sync.WaitGroup
		for _, lane := range slices.Concat(slices.Repeat([]order.Lane{order.Bulk}, 12), slices.Repeat([]order.Lane{order.Interactive}, 8)) {
			all.Go(func() {
				permit, ok := p.Enter(t.Context(), "M-1", 0, lane)
				if !ok {
					t.Errorf("a call of lane %s was sent away", lane)
					return
				}
				mu.Lock()
				went[lane] = append(went[lane], time.Now())
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
				permit.Done(pacing.Served)
			})
			synctest.Wait()
		}
		all.Wait()
		last := slices.MaxFunc(went[order.Interactive], time.Time.Compare)
		before := slices.DeleteFunc(went[order.Bulk], func(at time.Time) bool { return !at.Before(last) })
		if len(before) != 4 {
			t.Errorf("%d bulk calls went before the last interactive one, want the 4 that were there first", len(before))
		}
	})
}

// TestNoCallIsPermittedTwiceNorLost, whatever comes together: calls that end and calls that give up.
func TestNoCallIsPermittedTwiceNorLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacing.New(nil, nil, 10)
		var now, most atomic.Int64
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				for range 20 {
					lane := []order.Lane{order.Interactive, order.Bulk}[rand.IntN(2)]
					ctx, cancel := context.WithTimeout(t.Context(), rand.N(40*time.Millisecond))
					if permit, ok := p.Enter(ctx, "M-1", 0, lane); ok {
						most.Store(max(most.Load(), now.Add(1)))
						time.Sleep(rand.N(10 * time.Millisecond))
						now.Add(-1)
						permit.Done(pacing.Served)
					} else if permit.Again < time.Second {
						t.Errorf("sent away until in %v", permit.Again)
					}
					cancel()
					time.Sleep(rand.N(10 * time.Millisecond))
				}
			})
		}
		all.Wait()
		if load := p.Loads()["M-1"]; load.InFlight != 0 || most.Load() > 10 {
			t.Errorf("%d calls at once, %+v after all have ended", most.Load(), load)
		}
		if _, ok := p.Enter(t.Context(), "M-1", 0, order.Bulk); !ok {
			t.Error("no room for a call although none is under way")
		}
	})
}
