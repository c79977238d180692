package ledger_test

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

//go:embed testdata/slots-before-2026-11-23.lua
var formerSlots string

// gates is a merchant's gate, and what it let through.
type gates struct {
	ledger  *ledger.Ledger
	rdb     *redis.Client
	now     time.Duration // by the clock of the test
	through []taken
}

// taken is a call that was let through, and how long after the one before it the rate allows it.
type taken struct {
	at, interval time.Duration
	former       bool // by a worker of the former version, for an interactive order
}

func newGates(rdb *redis.Client) *gates {
	rdb.FlushAll(ctx)
	g := &gates{ledger: ledger.NewWithTestClock(rdb), rdb: rdb}
	g.pass(1_700_000_000 * time.Second)
	return g
}

// pass has time pass.
func (g *gates) pass(d time.Duration) {
	g.now += d
	g.rdb.Set(ctx, ledger.TestClock, g.now.Microseconds(), 0)
}

func (g *gates) take(t rapid.TB, interval time.Duration, n int, ahead time.Duration) {
	first, err := g.ledger.Gate(ctx, "M-1", interval, n, ahead)
	if err != nil {
		t.Fatal(err)
	}
	g.note(first, ahead, interval, n, false)
}

// takeFormer is take by a worker of the former version, which has other places for interactive orders.
func (g *gates) takeFormer(t rapid.TB, lane order.Lane, interval time.Duration, n int, ahead time.Duration) {
	clock := fmt.Sprintf("local function microseconds() return tonumber(redis.call('GET', '%s')) end\n", ledger.TestClock)
	keys := []string{g.ledger.Keys().Gate("M-1", order.Interactive), g.ledger.Keys().Gate("M-1", order.Bulk)}
	interactive := 0
	if lane == order.Interactive {
		interactive = 1
	}
	text, err := redis.NewScript(clock+formerSlots).Run(ctx, g.rdb, keys, interval.Microseconds(), n, interactive, ahead.Microseconds()).Text()
	if err != nil {
		t.Fatal(err)
	}
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	g.note(time.Duration(us)*time.Microsecond, ahead, interval, n, lane == order.Interactive)
}

func (g *gates) note(first, ahead, interval time.Duration, n int, former bool) {
	for i := range n {
		if first <= ahead {
			g.through = append(g.through, taken{at: g.now + first + time.Duration(i)*interval, interval: interval, former: former})
		}
	}
}

// busiest is how many calls were let through for the busiest second, wherever it begins.
func (g *gates) busiest() (most int) {
	all := slices.Clone(g.through)
	slices.SortFunc(all, func(a, b taken) int { return int(a.at - b.at) })
	from := 0
	for i := range all {
		for all[i].at-all[from].at >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

var (
	intervals = rapid.SampledFrom([]time.Duration{500 * time.Microsecond, time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 333333 * time.Microsecond, time.Second})
	reaches   = rapid.SampledFrom([]time.Duration{40 * time.Millisecond, time.Second, 1300 * time.Millisecond})
	gateLanes = rapid.SampledFrom([]order.Lane{order.Interactive, order.Bulk})
)

// passing is how long nobody asks: not at all, a little, or until nothing is left of what was before.
var passing = rapid.OneOf(rapid.Just(time.Duration(0)), rapid.Map(rapid.IntRange(0, 100_000), micros), rapid.Map(rapid.IntRange(0, 3_000_000), micros))

func micros(n int) time.Duration { return time.Duration(n) * time.Microsecond }

// TestRegressionRateExceededWithBothLanesAtTheGate: interactive calls lined up behind one another only, and bulk ones that had been let
// through before were made at the same time. Whoever asks, for however many, however often the rate is another one: a call is let
// through an interval after the one before, so that there are never more in a second than the rate, and one.
func TestRegressionRateExceededWithBothLanesAtTheGate(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		rapid.Check(t, func(t *rapid.T) {
			g, shortest := newGates(rdb), time.Hour
			for range rapid.IntRange(1, 40).Draw(t, "asks") {
				g.pass(passing.Draw(t, "passes"))
				interval := intervals.Draw(t, "interval")
				shortest = min(shortest, interval)
				g.take(t, interval, rapid.IntRange(1, 60).Draw(t, "n"), reaches.Draw(t, "ahead"))
			}
			for i, c := range g.through[1:] {
				if since := c.at - g.through[i].at; since < c.interval {
					t.Fatalf("call %d was let through %v after the one before, want %v", i+1, since, c.interval)
				}
			}
			if most := int(time.Second/shortest) + 1; g.busiest() > most {
				t.Fatalf("%d calls were let through for a second, want %d at most", g.busiest(), most)
			}
		})
	})
}

// TestTheGateLosesNothing that somebody asks for in time.
func TestTheGateLosesNothing(t *testing.T) {
	g := newGates(redistest.Client(t, redistest.Mini(t).Addr()))
	for range 500 {
		g.take(t, time.Millisecond, 50, 40*time.Millisecond)
		g.pass(7 * time.Millisecond)
	}
	if n := len(g.through); n < 3500 {
		t.Errorf("%d calls in 3.5 s at 1000 a second", n)
	}
}

// TestWorkersOfTheFormerVersionPassTheSameGate: during an upgrade both ask. What one of this version was let through for, no other
// is, and it waits for what bulk orders of the others have taken.
func TestWorkersOfTheFormerVersionPassTheSameGate(t *testing.T) {
	rdb := redistest.Client(t, redistest.Mini(t).Addr())
	rapid.Check(t, func(t *rapid.T) {
		g := newGates(rdb)
		interval := intervals.Draw(t, "interval")
		var end time.Duration // of what was let through, but for interactive orders of the former version
		for range rapid.IntRange(1, 40).Draw(t, "asks") {
			g.pass(passing.Draw(t, "passes"))
			n, before, ours := rapid.IntRange(1, 60).Draw(t, "n"), len(g.through), rapid.Bool().Draw(t, "ours")
			if ours {
				g.take(t, interval, n, reaches.Draw(t, "ahead"))
			} else {
				g.takeFormer(t, gateLanes.Draw(t, "lane"), interval, n, time.Second)
			}
			for _, c := range g.through[before:] {
				if !c.former {
					if c.at < end {
						t.Fatalf("let through %v before others are through", end-c.at)
					}
					end = c.at + interval
				}
			}
		}
	})
}

// TestFormerInteractiveCallsWaitForOurs: workers of the former version look for those elsewhere.
func TestFormerInteractiveCallsWaitForOurs(t *testing.T) {
	g := newGates(redistest.Client(t, redistest.Mini(t).Addr()))
	g.take(t, tick, 6, time.Second)
	g.takeFormer(t, order.Interactive, tick, 1, time.Second)
	if since := g.through[6].at - g.through[5].at; since != tick {
		t.Errorf("let through %v after the one before, want %v", since, tick)
	}
}
