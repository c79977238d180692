package ledger_test

import (
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

const tick = 20 * time.Millisecond // 50 a second

func slots(t *testing.T, l *ledger.Ledger, lane order.Lane, n int) time.Duration {
	t.Helper()
	first, err := l.Slots(ctx, "M-1", lane, tick, n)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func TestSlotsFollowOneAnother(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		at(0)
		for i := range 5 {
			want := time.Duration(i)*10*tick - tick
			if got := slots(t, l, order.Bulk, 10); got != want {
				t.Errorf("batch %d begins in %v, want %v", i, got, want)
			}
		}
		if got, err := l.Slots(ctx, "M-2", order.Bulk, tick, 10); err != nil || got != -tick {
			t.Errorf("another merchant waits %v: %v", got, err)
		}
		at(60)
		if got := slots(t, l, order.Bulk, 10); got != -tick {
			t.Errorf("after a quiet minute the first slot is in %v, want %v: slots that nobody took do not add up", got, -tick)
		}
	})
}

func TestInteractiveOrdersGoFirst(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		at(0)
		slots(t, l, order.Bulk, 1000) // 20 s of them
		if got := slots(t, l, order.Interactive, 10); got != -tick {
			t.Errorf("an interactive order waits %v behind bulk ones", got)
		}
		if got, want := slots(t, l, order.Interactive, 10), 9*tick; got != want {
			t.Errorf("the next interactive ones wait %v, want %v", got, want)
		}
		if got, want := slots(t, l, order.Bulk, 1), 1019*tick; got != want {
			t.Errorf("bulk orders wait %v, want %v: they give way to what went before them", got, want)
		}
	})
}

// TestRegressionAFasterRateTakesEffect: slots handed out at one in 100 s once held an order back for that long, although
// the merchant's rate had been raised since.
func TestRegressionAFasterRateTakesEffect(t *testing.T) {
	take := func(t *testing.T, l *ledger.Ledger, lane order.Lane, interval time.Duration, n int) time.Duration {
		t.Helper()
		first, err := l.Slots(ctx, "M-1", lane, interval, n)
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		at(0)
		for range 5 {
			take(t, l, order.Interactive, 100*time.Second, 1)
		}
		at(3)
		for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
			if got := take(t, l, lane, tick, 10); got > time.Second+10*tick {
				t.Errorf("%s: the first slot at the new rate is in %v, want it within a second or so", lane, got)
			}
		}
		// A worker that has the old rate still may not undo the limit for the others.
		last := time.Duration(0)
		for range 20 {
			take(t, l, order.Bulk, 100*time.Second, 1)
			last = take(t, l, order.Bulk, tick, 10)
		}
		if last < 20*10*tick {
			t.Errorf("while two rates are in force, 200 slots were handed out within %v", last)
		}
		at(6)
		take(t, l, order.Bulk, tick, 1)
		take(t, l, order.Bulk, time.Second, 1)
		if a, b := take(t, l, order.Bulk, time.Second, 1), take(t, l, order.Bulk, time.Second, 1); b-a != time.Second {
			t.Errorf("at the lower rate slots are %v apart", b-a)
		}
	})
}

// TestASilentWorkerIsFoundDead takes the time that it takes: silence is measured by the watcher's own clock.
func TestASilentWorkerIsFoundDead(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		at(0)
		silent, watcher := l.ForWorker("silent"), l.ForWorker("watcher")
		if err := silent.Live(ctx); err != nil {
			t.Fatal(err)
		}
		accept(t, l, submission(key("r"), "red"))
		claim(t, silent, key("r"))
		if c, err := watcher.Claim(ctx, key("r"), ledger.NewNonce(), time.Minute, nil); err != nil || c.Grant != ledger.HeldByAnother {
			t.Fatalf("while it lives: %+v %v", c, err)
		}
		pulse, begun := watcher.Pulse(), time.Now()
		for second := 1; ; second++ {
			at(second)
			dead, err := pulse.Beat(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(dead) > 0 {
				break
			}
			if second > 20 {
				t.Fatal("not found dead in 20 beats")
			}
			<-time.After(500 * time.Millisecond)
		}
		if took := time.Since(begun); took < 3*time.Second {
			t.Errorf("found dead after %v: a worker may be silent for a moment", took)
		}
		due, err := l.Due(ctx, order.Interactive, ledger.Waiting{Empty: true}, 10)
		if err != nil || len(due) != 1 {
			t.Fatalf("its order is not given back: %+v %v", due, err)
		}
		c, err := watcher.Claim(ctx, key("r"), ledger.NewNonce(), time.Minute, nil)
		if err != nil || c.Grant != ledger.Granted || !c.Attempt.Uncertain {
			t.Errorf("%+v %v", c, err)
		}
	})
}

func TestGateLetsThroughWhatIsNear(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		gate := func(n int) time.Duration {
			t.Helper()
			first, err := l.Gate(ctx, "M-1", tick, n, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			return first
		}
		at(0)
		if got := gate(50); got != -tick {
			t.Errorf("the first in %v", got)
		}
		if got := gate(10); got != 49*tick {
			t.Errorf("the next in %v", got)
		}
		for range 3 { // and none of them takes anything
			if got := gate(10); got != 59*tick {
				t.Errorf("too far ahead: in %v, want %v", got, 59*tick)
			}
		}
		at(1)
		if got := gate(1); got != 59*tick-time.Second {
			t.Errorf("a second later: in %v", got)
		}
		slots(t, l, order.Bulk, 1000) // the line does not hold up the gate
		if got := gate(1); got > time.Second {
			t.Errorf("behind the line: in %v", got)
		}
	})
}
