package pacing_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

// TestRegressionCallsThatWaitedForRoomWereMadeTogether: while the gateway was slow, calls that had been let through waited until others
// ended, and once it was quick again all of them were made beside those whose turn it was: 28 calls in a second where 20 were allowed.
func TestRegressionCallsThatWaitedForRoomWereMadeTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, atOnce, orders = 20, 12, 600
		line, gate := &lockedCounter{}, &lockedCounter{}
		p := pacing.New(line.take, gate.through, atOnce)
		begun := time.Now()
		quick := begun.Add(20 * time.Second)
		var mu sync.Mutex
		var calls []time.Time
		work := func() (again time.Duration, done bool) {
			turn, err := p.Pass(t.Context(), "M-1", perSecond, order.Bulk, true)
			if err != nil || !turn.Mine {
				return turn.Wait, err != nil
			}
			time.Sleep(turn.Wait)
			permit, ok := p.Enter(t.Context(), "M-1", 0, order.Bulk)
			if !ok {
				return permit.Again, false
			}
			turn.Called()
			mu.Lock()
			calls = append(calls, time.Now())
			mu.Unlock()
			took := 20 * time.Millisecond
			if left := time.Until(quick); left > 0 {
				took = min(time.Second+rand.N(100*time.Millisecond), left+took)
			}
			time.Sleep(took)
			permit.Done(pacing.Served)
			return 0, true
		}
		var all sync.WaitGroup
		for range orders {
			all.Go(func() {
				for {
					again, done := work()
					if done {
						return
					}
					time.Sleep(time.Until(time.Now().Add(again).Truncate(time.Second).Add(time.Second)))
				}
			})
		}
		all.Wait()
		slices.SortFunc(calls, time.Time.Compare)
		slow := slices.IndexFunc(calls, quick.Before)
		if n := busiestSecond(calls); n > bound(perSecond) {
			t.Errorf("%d calls in the busiest second, want %d at most", n, bound(perSecond))
		}
		if slow < 20*8 {
			t.Errorf("%d calls in 20 s while there was room for 9 or 10 a second", slow)
		}
		if took, most := calls[orders-1].Sub(quick), time.Duration(orders-slow)*time.Second/perSecond*13/10; took > most {
			t.Errorf("the other %d took %v, want %v at most", orders-slow, took, most)
		}
		t.Logf("%d calls in 20 s, %d others in %v, %d in the busiest second", slow, orders-slow, calls[orders-1].Sub(quick), busiestSecond(calls))
	})
}
