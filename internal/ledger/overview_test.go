package ledger_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func overview(t *testing.T, l *ledger.Ledger, rated ...string) ledger.Overview {
	t.Helper()
	v, err := l.Overview(ctx, rated)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOverviewOfNothing(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		v := overview(t, l, "M-1")
		if v.Open() != 0 || v.Workers != 0 || v.Failed != 0 || len(v.Breakers) != 0 || len(v.Lines) != 0 || !v.MailersSeen.IsZero() || time.Since(v.Now).Abs() > time.Minute {
			t.Errorf("%+v", v)
		}
	})
}

// TestOverviewCountsEveryState puts orders into every state, and checks the counts against those of Counts.
func TestOverviewCountsEveryState(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		submit := func(ref string, lane order.Lane) order.Key {
			s := submission(key(ref), "red")
			s.Lane = lane
			accept(t, l, s)
			return s.Key
		}
		for i := range 7 {
			submit(fmt.Sprint("i", i), order.Interactive)
		}
		for i := range 3 {
			submit(fmt.Sprint("b", i), order.Bulk)
		}
		claim(t, l, key("i0"))
		later, err := l.Release(ctx, claim(t, l, key("b0")), ledger.Return{After: time.Hour, Why: "unavailable"})
		settle(t, ledger.SettledReleased, later, err)
		newFailed(t, l, key("failed"), refused)
		failEmail(t, l, key("unmailed"), false)
		s := submission(order.Key{MerchantID: "M-2", Ref: "mailed"}, "red")
		s.Mail = true
		accept(t, l, s)
		issued, err := l.Issue(ctx, claim(t, l, s.Key), ledger.Issuance{Link: usualLink})
		settle(t, ledger.SettledIssued, issued, err)
		held, err := l.Release(ctx, claim(t, l, key("i1")), ledger.Return{Breaker: ledger.TripBreaker, Why: "misconfigured (http_401)"})
		settle(t, ledger.SettledHeld, held, err)
		for _, ref := range []string{"i2", "b1"} {
			if c, err := l.Claim(ctx, key(ref), ledger.NewNonce(), time.Minute, nil); err != nil || c.Grant != ledger.HeldByBreaker {
				t.Fatal(c, err)
			}
		}
		if err := l.MailersUp(ctx); err != nil {
			t.Fatal(err)
		}
		if err := l.ForWorker("w").Live(ctx); err != nil {
			t.Fatal(err)
		}
		rdb.XAdd(ctx, &redis.XAddArgs{Stream: l.Keys().Waiting("M:3"), Values: []string{"order", "{}"}})
		rdb.SAdd(ctx, l.Keys().WaitingMerchants(), "M:3")
		rdb.XAdd(ctx, &redis.XAddArgs{Stream: l.Keys().DeadLetters(), Values: []string{"order", "{}"}})

		v := overview(t, l)
		got := map[order.Lane][5]int{}
		for lane, s := range v.Lanes {
			got[lane] = [5]int{s.Due, s.Later, s.Sending, s.Held, s.Open()}
		}
		want := map[order.Lane][5]int{order.Interactive: {4, 0, 1, 2, 7}, order.Bulk: {1, 1, 0, 1, 3}, ledger.Mailing: {1, 0, 0, 0, 1}}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		c, err := l.Counts(ctx)
		if err != nil || c.Open() != v.Open() || c.Failed != v.Failed || c.FailedEmails != v.FailedEmails || v.Failed != 1 || v.FailedEmails != 1 || v.DeadLetters != 1 {
			t.Errorf("%+v %v, and %+v", c, err, v)
		}
		if d := cmp.Diff(map[string]int{"M:3": 1}, v.Waiting); d != "" || v.Workers != 1 || v.OpenOrders["M-1"] != 10 || v.OpenOrders["M-2"] != 1 {
			t.Errorf("%s %+v", d, v)
		}
		if len(v.Breakers) != 1 || !v.Breakers[0].Open || v.Breakers[0].Held != 3 || v.Breakers[0].Why != "misconfigured (http_401)" {
			t.Errorf("%+v", v.Breakers)
		}
		if seen := v.Now.Sub(v.MailersSeen); seen < -time.Second || seen > time.Minute {
			t.Errorf("mailers were seen %v ago", seen)
		}
	})
}

func TestOverviewFindsTheOldest(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(int)) {
		for i := range 40 {
			at(i)
			accept(t, l, submission(key(fmt.Sprint("r", i)), "red"))
		}
		oldest := func(want string, second int) {
			t.Helper()
			got := overview(t, l).Lanes[order.Interactive].Oldest
			if got.Key != key(want) || got.Since.Unix() != 1_700_000_000+int64(second) {
				t.Errorf("%+v, want %s", got, want)
			}
		}
		oldest("r0", 0)
		claim(t, l, key("r0"))
		oldest("r0", 0)
		got, err := l.Fail(ctx, claim(t, l, key("r1")), refused)
		settle(t, ledger.SettledFailed, got, err)
		oldest("r0", 0)
		back, err := l.Release(ctx, claim(t, l, key("r2")), ledger.Return{Breaker: ledger.TripBreaker, Why: "unavailable (http_503)"})
		settle(t, ledger.SettledHeld, back, err)
		oldest("r0", 0)
	})
}

// TestOverviewOldestMayWaitForATime: an order that is tried for long waits for longest, behind all others.
func TestOverviewOldestMayWaitForATime(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(int)) {
		for i := range 30 {
			at(i)
			accept(t, l, submission(key(fmt.Sprint("r", i)), "red"))
		}
		back, err := l.Release(ctx, claim(t, l, key("r0")), ledger.Return{After: time.Hour, Why: "unavailable (http_503)"})
		settle(t, ledger.SettledReleased, back, err)
		if got := overview(t, l).Lanes[order.Interactive].Oldest; got.Key != key("r0") {
			t.Errorf("%+v", got)
		}
	})
}

func TestOverviewOfALine(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		if _, err := l.Slots(ctx, "M-1", order.Bulk, 100*time.Millisecond, 300); err != nil {
			t.Fatal(err)
		}
		lines := overview(t, l, "M-1", "M-2").Lines
		if got := lines["M-1"]; len(lines) != 1 || got < 25*time.Second || got > 31*time.Second {
			t.Errorf("%v, want 30 s for M-1 alone", lines)
		}
	})
}

// counter counts commands and round trips.
type counter struct{ commands, trips atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.commands.Add(1)
		c.trips.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.commands.Add(int64(len(cmds)))
		c.trips.Add(1)
		return next(ctx, cmds)
	}
}

func TestOverviewCostsTheSameHoweverManyAreOpen(t *testing.T) {
	rdb := redistest.Client(t, redistest.Server(t))
	l := ledger.New(rdb, "hpp", 0)
	count := &counter{}
	rdb.AddHook(count)
	cost := func() (int64, int64) {
		count.commands.Store(0)
		count.trips.Store(0)
		overview(t, l, "M-1")
		return count.commands.Load(), count.trips.Load()
	}
	submit := func(from, to int) {
		var all []ledger.Submission
		for i := from; i < to; i++ {
			all = append(all, submission(key(fmt.Sprint("r", i)), "red"))
		}
		_, errs := l.AcceptAll(ctx, all)
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	submit(0, 50)
	few, trips := cost()
	submit(50, 5000)
	if many, again := cost(); many != few || again != trips || trips > 4 || many > 100 {
		t.Errorf("%d commands in %d round trips for 50 orders, %d in %d for 5000", few, trips, many, again)
	}
}
