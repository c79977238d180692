package pacing_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter is a slot source like the ledger's: one line of slots that all share.
type counter struct {
	next  time.Time
	calls int
	err   error
}

func (c *counter) take(_ context.Context, _ string, _ order.Lane, interval time.Duration, n int) (time.Duration, error) {
	c.calls++
	if now := time.Now(); c.next.Before(now.Add(-interval)) {
		c.next = now.Add(-interval)
	}
	first := time.Until(c.next)
	c.next = c.next.Add(time.Duration(n) * interval)
	return first, c.err
}

func TestSlotsAreEvenAndCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &counter{}
		workers := []*pacing.Pacer{pacing.New(shared.take, 10), pacing.New(shared.take, 10), pacing.New(shared.take, 10)}
		const n, perSecond = 3000, 50
		var last time.Duration
		for i := range n {
			wait, err := workers[i%3].Slot(t.Context(), "M-1", perSecond, order.Bulk)
			if err != nil {
				t.Fatal(err)
			}
			last = max(last, wait)
		}
		if want := n * time.Second / perSecond; last < want-time.Second || last > want+time.Second {
			t.Errorf("the last of %d slots at %d a second is in %v, want about %v", n, perSecond, last, want)
		}
		if perOrder := float64(shared.calls) / n; perOrder > 0.1 {
			t.Errorf("%.3f commands for each order, want 0.1 or fewer", perOrder)
		}
	})
}

func TestUnusedSlotsDoNotAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacing.New((&counter{}).take, 10)
		_, _ = p.Slot(t.Context(), "M-1", 50, order.Interactive)
		time.Sleep(time.Minute)
		atOnce := 0
		for range 100 {
			if wait, _ := p.Slot(t.Context(), "M-1", 50, order.Interactive); wait == 0 {
				atOnce++
			}
		}
		if atOnce > 15 {
			t.Errorf("%d orders went at once after a quiet minute", atOnce)
		}
	})
}

func TestNoRateNoWait(t *testing.T) {
	p := pacing.New(func(context.Context, string, order.Lane, time.Duration, int) (time.Duration, error) {
		t.Error("the limiter was asked")
		return 0, nil
	}, 10)
	if wait, err := p.Slot(t.Context(), "M-1", 0, order.Bulk); wait != 0 || err != nil {
		t.Errorf("%v %v", wait, err)
	}
}

func TestSlotErrorsAreTold(t *testing.T) {
	away := errors.New("away")
	p := pacing.New((&counter{err: away}).take, 10)
	if _, err := p.Slot(t.Context(), "M-1", 50, order.Bulk); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
}

func TestManyFailuresMeanDown(t *testing.T) {
	p := pacing.New(nil, 10)
	down := 0
	for range 30 {
		if p.Answered("M-1", pacing.Down) {
			down++
		}
	}
	if down == 0 {
		t.Error("30 failures in a row did not show")
	}
	for range 100 {
		p.Answered("M-2", pacing.Served)
	}
	for range 30 {
		if p.Answered("M-2", pacing.Down) {
			t.Fatal("30 failures among 130 calls are no outage")
		}
	}
	if p.Answered("M-3", pacing.Down) {
		t.Error("one failure is no outage, and another merchant's are not its own")
	}
}

func TestThrottlingKeepsCallsBack(t *testing.T) {
	p := pacing.New(nil, 10)
	for range 200 {
		p.Answered("M-1", pacing.Throttled)
	}
	refused := 0
	for range 100 {
		if permit, ok := p.Enter(t.Context(), "M-1", order.Interactive); ok {
			permit.Done(pacing.Served)
		} else {
			refused++
		}
	}
	if refused < 50 {
		t.Errorf("%d of 100 calls were kept back from a gateway that throttles all", refused)
	}
}

func TestAsManyAtOnceAsAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacing.New(nil, 3)
		var permits []pacing.Permit
		for range 3 {
			permit, ok := p.Enter(t.Context(), "M-1", order.Interactive)
			if !ok {
				t.Fatal("refused below the limit")
			}
			permits = append(permits, permit)
		}
		begun := time.Now()
		if _, ok := p.Enter(t.Context(), "M-1", order.Interactive); ok || time.Since(begun) > time.Second {
			t.Errorf("a fourth call: allowed %v after %v", ok, time.Since(begun))
		}
		permits[0].Done(pacing.Served)
		if _, ok := p.Enter(t.Context(), "M-1", order.Interactive); !ok {
			t.Error("refused although one had ended")
		}
	})
}

func TestTurnsAreToldOnce(t *testing.T) {
	p := pacing.New(nil, 1)
	steps := []struct {
		down, served bool
		want         pacing.Turn
	}{
		{false, true, pacing.NoTurn}, {true, false, pacing.TurnedBad}, {true, false, pacing.NoTurn},
		{false, false, pacing.NoTurn}, {false, true, pacing.TurnedGood}, {false, true, pacing.NoTurn},
	}
	for i, s := range steps {
		if got := p.Turned("M-1", s.down, s.served); got != s.want {
			t.Errorf("step %d: %v, want %v", i, got, s.want)
		}
	}
}

func TestBulkLeavesRoomForInteractive(t *testing.T) {
	p := pacing.New(nil, 10)
	bulk := 0
	for range 10 {
		if _, ok := p.Enter(t.Context(), "M-1", order.Bulk); ok {
			bulk++
		}
	}
	if bulk != 8 {
		t.Errorf("bulk orders have %d of 10 calls, want 8", bulk)
	}
	if _, ok := p.Enter(t.Context(), "M-1", order.Interactive); !ok {
		t.Error("no room for an interactive order")
	}
}
