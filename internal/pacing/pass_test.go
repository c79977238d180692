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

// through is a gate like the ledger's.
func (c *counter) through(ctx context.Context, m string, interval time.Duration, n int, ahead time.Duration) (time.Duration, error) {
	if wait := time.Until(c.next); wait > ahead {
		return wait, c.err
	}
	return c.take(ctx, m, order.Bulk, interval, n)
}

// TestRegressionOrdersThatComeBackTogetherKeepTheRate: orders came back from their line on the second, and behind a long
// queue too late, and then all of them were sent at once: 260 calls in a second where 20 were allowed.
func TestRegressionOrdersThatComeBackTogetherKeepTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const orders, perSecond = 2000, 20
		line, gate := &lockedCounter{}, &lockedCounter{}
		workers := []*pacing.Pacer{pacing.New(line.take, gate.through, 10), pacing.New(line.take, gate.through, 10)}
		var mu sync.Mutex
		var calls []time.Time
		begun, passes := time.Now(), 0
		var all sync.WaitGroup
		for i := range orders {
			p := workers[i%2]
			all.Go(func() {
				for waited := false; ; waited = true {
					turn, err := p.Pass(t.Context(), "M-1", perSecond, order.Bulk, waited)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					passes++
					mu.Unlock()
					if turn.Mine {
						time.Sleep(turn.Wait)
						break
					}
					// As asynq brings it back: on the second, and for a while late behind others.
					back := time.Now().Add(turn.Wait).Truncate(time.Second).Add(time.Second)
					if time.Since(begun) < 30*time.Second {
						back = back.Add(rand.N(20 * time.Second))
					}
					time.Sleep(time.Until(back))
				}
				mu.Lock()
				calls = append(calls, time.Now())
				mu.Unlock()
			})
		}
		all.Wait()
		slices.SortFunc(calls, time.Time.Compare)
		if busiest := busiestSecond(calls); busiest > perSecond*115/100 {
			t.Errorf("%d calls in one second, at %d a second", busiest, perSecond)
		}
		took := time.Since(begun)
		if most := orders*time.Second/perSecond*13/10 + 20*time.Second; took > most {
			t.Errorf("%d orders took %v, more than %v", orders, took, most)
		}
		if per := float64(passes) / orders; per > 4 {
			t.Errorf("each order came to the gate %.1f times", per)
		}
		t.Logf("%d orders in %v, at most %d calls in a second, each at the gate %.2f times", orders, took, busiestSecond(calls), float64(passes)/orders)
	})
}

func busiestSecond(calls []time.Time) (most int) {
	from := 0
	for i := range calls {
		for calls[i].Sub(calls[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// lockedCounter is a counter for many.
type lockedCounter struct {
	mu sync.Mutex
	counter
}

func (c *lockedCounter) take(ctx context.Context, m string, lane order.Lane, interval time.Duration, n int) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counter.take(ctx, m, lane, interval, n)
}

func (c *lockedCounter) through(ctx context.Context, m string, interval time.Duration, n int, ahead time.Duration) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counter.through(ctx, m, interval, n, ahead)
}
