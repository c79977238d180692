package pacing_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

// lineUp has n orders of a lane line up that have waited before.
func lineUp(t *testing.T, ctx context.Context, p *pacing.Pacer, perSecond float64, lane order.Lane, n int) (all []*pacing.Place) {
	t.Helper()
	for range n {
		place, err := p.LineUp(ctx, "M-1", perSecond, lane, true)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, place)
	}
	return all
}

// wait is how long from now the order's call may be made.
func wait(t *testing.T, place *pacing.Place) time.Duration {
	t.Helper()
	begun := time.Now()
	turn, err := place.Await(t.Context())
	if err != nil || !turn.Mine {
		t.Fatalf("%+v %v", turn, err)
	}
	return time.Since(begun) + turn.Wait
}

func newPacer() *pacing.Pacer {
	return pacing.New((&lockedCounter{}).take, (&lockedCounter{}).through, 10)
}

// TestAnInteractiveOrderTakesTheNextSlot that bulk orders of its process wait for.
func TestAnInteractiveOrderTakesTheNextSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer()
		bulk := lineUp(t, t.Context(), p, 20, order.Bulk, 15)
		synctest.Wait()
		first := lineUp(t, t.Context(), p, 20, order.Interactive, 1)[0]
		if w := wait(t, first); w > 100*time.Millisecond {
			t.Errorf("it waited %v", w)
		}
		for _, place := range bulk {
			wait(t, place)
		}
	})
}

func TestSoonWaitsOnlyWhereItMayCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer()
		places := lineUp(t, t.Context(), p, 20, order.Bulk, 12)
		begun := time.Now()
		if _, soon, err := places[11].Soon(t.Context(), 250*time.Millisecond); soon || err != nil || time.Since(begun) > 0 {
			t.Errorf("half a second before its turn: %v %v after %v", soon, err, time.Since(begun))
		}
		if turn, soon, err := places[0].Soon(t.Context(), 250*time.Millisecond); !soon || err != nil || !turn.Mine {
			t.Errorf("the first one: %+v %v %v", turn, soon, err)
		}
		for _, place := range places[1:] {
			wait(t, place)
		}
	})
}

// TestWhoGivesUpLeavesTheLine, and is told when to come back; and once nobody waits, no slots are taken.
func TestWhoGivesUpLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer()
		ctx, cancel := context.WithCancel(t.Context())
		places := lineUp(t, ctx, p, 1, order.Bulk, 2)
		wait(t, places[0])
		wait(t, places[1]) // the first two slots after a pause come together
		last := lineUp(t, ctx, p, 1, order.Interactive, 1)[0]
		synctest.Wait()
		cancel()
		if turn, err := last.Await(ctx); turn.Mine || err != nil || turn.Wait <= 0 || turn.Wait > 2*time.Second {
			t.Errorf("%+v %v", turn, err)
		}
	})
}

// TestGateErrorsReachAllWhoWait, and those who come later have another try.
func TestGateErrorsReachAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, away := &lockedCounter{}, errors.New("away")
		gate.err = away
		p := pacing.New((&lockedCounter{}).take, gate.through, 10)
		for _, place := range lineUp(t, t.Context(), p, 20, order.Bulk, 3) {
			if turn, err := place.Await(t.Context()); !errors.Is(err, away) || turn.Mine {
				t.Errorf("%+v %v", turn, err)
			}
		}
		gate.mu.Lock()
		gate.err = nil
		gate.mu.Unlock()
		time.Sleep(time.Second)
		wait(t, lineUp(t, t.Context(), p, 20, order.Bulk, 1)[0])
	})
}

// TestALowerRateHoldsForThoseWhoWait.
func TestALowerRateHoldsForThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, begun := newPacer(), time.Now()
		before := lineUp(t, t.Context(), p, 100, order.Bulk, 8)
		after := lineUp(t, t.Context(), p, 10, order.Bulk, 1)[0]
		for _, place := range before {
			wait(t, place)
		}
		wait(t, after)
		if took := time.Since(begun); took < 600*time.Millisecond {
			t.Errorf("9 calls in %v, at 10 a second", took)
		}
	})
}
