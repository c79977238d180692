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
		workers := []*pacing.Pacer{pacing.New(shared.take, nil, 10), pacing.New(shared.take, nil, 10), pacing.New(shared.take, nil, 10)}
		const n, perSecond = 3000, 50
		var last time.Duration
		for i := range n {
			wait, err := workers[i%3].Slot(t.Context(), "M-1", perSecond, order.Bulk)
			if err != nil {
				t.Fatal(err)
			}
			last = max(last, wait)
		}
		if want := n * time.Second / perSecond; last < want-time.Second || last > want+5*time.Second/2 {
			t.Errorf("the last of %d slots at %d a second is in %v, want about %v", n, perSecond, last, want)
		}
		if perOrder := float64(shared.calls) / n; perOrder > 0.1 {
			t.Errorf("%.3f commands for each order, want 0.1 or fewer", perOrder)
		}
	})
}

func TestUnusedSlotsDoNotAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacing.New((&counter{}).take, nil, 10)
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
	}, nil, 10)
	if wait, err := p.Slot(t.Context(), "M-1", 0, order.Bulk); wait != 0 || err != nil {
		t.Errorf("%v %v", wait, err)
	}
}

func TestSlotErrorsAreTold(t *testing.T) {
	away := errors.New("away")
	p := pacing.New((&counter{err: away}).take, nil, 10)
	if _, err := p.Slot(t.Context(), "M-1", 50, order.Bulk); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
}

func TestManyFailuresMeanDown(t *testing.T) {
	p := pacing.New(nil, nil, 10)
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
	p := pacing.New(nil, nil, 10)
	for range 200 {
		p.Answered("M-1", pacing.Throttled)
	}
	refused := 0
	for range 100 {
		if permit, ok := p.Enter(t.Context(), "M-1", 0, order.Interactive); ok {
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
		p := pacing.New(nil, nil, 3)
		var permits []pacing.Permit
		for range 3 {
			permit, ok := p.Enter(t.Context(), "M-1", 0, order.Interactive)
			if !ok {
				t.Fatal("refused below the limit")
			}
			permits = append(permits, permit)
		}
		begun := time.Now()
		if _, ok := p.Enter(t.Context(), "M-1", 0, order.Interactive); ok || time.Since(begun) > time.Second {
			t.Errorf("a fourth call: allowed %v after %v", ok, time.Since(begun))
		}
		permits[0].Done(pacing.Served)
		if _, ok := p.Enter(t.Context(), "M-1", 0, order.Interactive); !ok {
			t.Error("refused although one had ended")
		}
	})
}

func TestTurnsAreToldOnce(t *testing.T) {
	p := pacing.New(nil, nil, 1)
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
	p := pacing.New(nil, nil, 10)
	bulk := 0
	for range 10 {
		if _, ok := p.Enter(t.Context(), "M-1", 0, order.Bulk); ok {
			bulk++
		}
	}
	if bulk != 8 {
		t.Errorf("bulk orders have %d of 10 calls, want 8", bulk)
	}
	if _, ok := p.Enter(t.Context(), "M-1", 0, order.Interactive); !ok {
		t.Error("no room for an interactive order")
	}
}

// TestRateChangesTakeEffect: whatever was taken at the old rate, the next order is paced by the new one.
func TestRateChangesTakeEffect(t *testing.T) {
	for name, test := range map[string]struct {
		before, after float64
		taken         int
		least, most   time.Duration // of the wait for the tenth slot after the change
	}{
		"faster":            {before: 20, after: 1000, taken: 1, least: 0, most: time.Second},
		"from next to none": {before: 0.01, after: 100, taken: 1, least: 0, most: time.Second},
		"slower":            {before: 1000, after: 1, taken: 1, least: 8 * time.Second, most: 10 * time.Second},
		"no limit any more": {before: 0.01, after: 0, taken: 3, least: 0, most: 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// A source that takes a change of interval as the ledger does.
				source := &forgetting{}
				p := pacing.New(source.take, nil, 10)
				for range test.taken {
					_, _ = p.Slot(t.Context(), "M-1", test.before, order.Bulk)
				}
				var wait time.Duration
				for range 10 {
					wait, _ = p.Slot(t.Context(), "M-1", test.after, order.Bulk)
				}
				if wait < test.least || wait > test.most {
					t.Errorf("the tenth order after the change waits %v, want %v to %v", wait, test.least, test.most)
				}
			})
		})
	}
}

// forgetting is a counter that drops what was handed out at a longer interval, but for a second of it.
type forgetting struct {
	counter
	interval time.Duration
}

func (f *forgetting) take(ctx context.Context, m string, lane order.Lane, interval time.Duration, n int) (time.Duration, error) {
	if soon := time.Now().Add(time.Second); interval < f.interval && f.next.After(soon) {
		f.next = soon
	}
	f.interval = interval
	return f.counter.take(ctx, m, lane, interval, n)
}

func TestALowerConcurrencyHoldsAtOnce(t *testing.T) {
	p := pacing.New(nil, nil, 10)
	enter := func(most int) (pacing.Permit, bool) { return p.Enter(t.Context(), "M-1", most, order.Interactive) }
	var before []pacing.Permit
	for range 6 {
		permit, ok := enter(6)
		if !ok {
			t.Fatal("refused below the limit")
		}
		before = append(before, permit)
	}
	if _, ok := enter(3); ok {
		t.Error("a call was permitted although six go on and three are allowed")
	}
	for _, permit := range before[:4] {
		permit.Done(pacing.Served)
	}
	third, ok := enter(3)
	if !ok {
		t.Fatal("refused although two go on and three are allowed")
	}
	if _, ok := enter(3); ok {
		t.Error("a fourth call was permitted")
	}
	third.Done(pacing.Served)
	before[4].Done(pacing.Served)
	before[5].Done(pacing.Served)
	for i := range 3 {
		if _, ok := enter(3); !ok {
			t.Errorf("call %d of 3 was refused once the old ones had ended", i+1)
		}
	}
}

func TestAHigherConcurrencyTakesEffect(t *testing.T) {
	p := pacing.New(nil, nil, 10)
	for i := range 10 {
		most := 2
		if i >= 2 {
			most = 100 // more than the process makes
		}
		if _, ok := p.Enter(t.Context(), "M-1", most, order.Interactive); !ok {
			t.Errorf("call %d was refused", i+1)
		}
	}
	if _, ok := p.Enter(t.Context(), "M-1", 100, order.Interactive); ok {
		t.Error("more calls than the process makes")
	}
	if _, ok := p.Enter(t.Context(), "M-2", 1, order.Bulk); !ok {
		t.Error("another merchant's calls count")
	}
}
