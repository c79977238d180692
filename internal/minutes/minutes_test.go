package minutes_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/minutes"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/worker"
)

var (
	ctx    = context.Background()
	quiet  = slog.New(slog.DiscardHandler)
	prefix = ledger.NamespaceKeys("hpp").Minutes()
	noon   = time.Date(2030, 1, 2, 12, 0, 30, 0, time.UTC)
)

func read(t testing.TB, rdb redis.UniversalClient, now time.Time, n int) []minutes.Minute {
	t.Helper()
	all, err := minutes.Read(ctx, rdb, prefix, now, n)
	if err != nil || len(all) != n {
		t.Fatalf("%d minutes, %v", len(all), err)
	}
	return all
}

func TestCountsOfAllProcessesAddUp(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		a, b := minutes.NewRecorder(rdb, prefix, quiet), minutes.NewRecorder(rdb, prefix, quiet)
		a.Accepted(order.Bulk, 100)
		a.Flush(ctx, noon.Add(-2*time.Minute))
		a.Accepted(order.Interactive, 3)
		a.Issued(order.Interactive, 10*time.Millisecond)
		a.Failed(order.Bulk)
		b.Issued(order.Bulk, time.Hour)
		b.Emailed()
		b.EmailFailed()
		a.Flush(ctx, noon)
		b.Flush(ctx, noon)
		b.Issued(order.Bulk, time.Hour)
		b.Flush(ctx, noon.Add(10*time.Second))

		all := read(t, rdb, noon.Add(20*time.Second), 3)
		if m := all[0]; !m.Start.Equal(noon.Add(-2*time.Minute-30*time.Second)) || m.Accepted != 100 || m.Bulk.Accepted != 100 || m.Issued != 0 {
			t.Errorf("two minutes ago: %+v", m)
		}
		if m := all[1]; m.Accepted != 0 || m.Quantile(0.5) != 0 {
			t.Errorf("a minute in which nothing happened: %+v", m)
		}
		m := all[2]
		if m.Accepted != 3 || m.Issued != 3 || m.Failed != 1 || m.Emailed != 1 || m.EmailsFailed != 1 || m.Bulk.Issued != 2 || m.Interactive.Issued != 1 {
			t.Errorf("this minute: %+v", m)
		}
		near(t, "interactive", m.Interactive.Quantile(0.5), 10*time.Millisecond)
		near(t, "bulk", m.Bulk.Quantile(0.5), time.Hour)
		if ttl := rdb.TTL(ctx, prefix+"1893585600").Val(); ttl <= 0 || ttl > minutes.Kept {
			t.Errorf("the minute is forgotten in %v", ttl)
		}
	})
}

func near(t testing.TB, what string, got, want time.Duration) {
	t.Helper()
	if float64(got) < 0.65*float64(want) || float64(got) > 1.5*float64(want) {
		t.Errorf("%s: %v, want about %v", what, got, want)
	}
}

func TestNothingIsStoredWhileNothingHappens(t *testing.T) {
	m := redistest.Mini(t)
	r := minutes.NewRecorder(redistest.Client(t, m.Addr()), prefix, quiet)
	r.Flush(ctx, noon)
	if keys := m.Keys(); len(keys) != 0 {
		t.Errorf("%v", keys)
	}
}

func TestCountsWaitForRedis(t *testing.T) {
	rdb, gone := redistest.Client(t, redistest.Mini(t).Addr()), &away{yes: true}
	rdb.AddHook(gone)
	r := minutes.NewRecorder(rdb, prefix, quiet)
	for i := range 70 { // minutes
		r.Accepted(order.Bulk, 1)
		r.Flush(ctx, noon.Add(time.Duration(i)*time.Minute))
	}
	gone.yes = false
	last := noon.Add(70 * time.Minute)
	r.Flush(ctx, last)
	sum := minutes.Minute{}
	for _, minute := range read(t, rdb, last, 100) {
		sum.Add(minute)
	}
	if sum.Accepted != 59 { // of the hour that ends with the last minute, in which there was nothing
		t.Errorf("%d of 70 minutes are left", sum.Accepted)
	}
}

// away is a Redis out of reach.
type away struct{ yes bool }

func (a *away) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (a *away) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (a *away) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if a.yes {
			return errors.New("away")
		}
		return next(ctx, cmds)
	}
}

// TestRunTellsAllAtItsEnd counts from many goroutines at once, as handlers do.
func TestRunTellsAllAtItsEnd(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		r := minutes.NewRecorder(rdb, prefix, quiet)
		running, stop := context.WithCancel(ctx)
		var loop, handlers sync.WaitGroup
		loop.Go(func() { r.Run(running) })
		for range 8 {
			handlers.Go(func() {
				for range 1000 {
					r.Accepted(order.Interactive, 2)
					r.Issued(order.Interactive, time.Second)
				}
			})
		}
		handlers.Wait()
		stop()
		loop.Wait()
		var sum minutes.Minute
		for _, m := range read(t, rdb, time.Now(), 3) {
			sum.Add(m)
		}
		if sum.Accepted != 16000 || sum.Issued != 8000 {
			t.Errorf("%d accepted, %d issued", sum.Accepted, sum.Issued)
		}
		near(t, "median", sum.Quantile(0.5), time.Second)
	})
}

func TestRedisAway(t *testing.T) {
	m := redistest.Mini(t)
	rdb := redistest.Client(t, m.Addr())
	m.Close()
	if _, err := minutes.Read(ctx, rdb, prefix, noon, 60); err == nil {
		t.Error("no error")
	}
}

func TestFieldsOfOtherVersionsAreLeft(t *testing.T) {
	m := redistest.Mini(t)
	key := prefix + "1893585600"
	for _, field := range []string{"bulk.60", "bulk.-1", "bulk.refunded", "express.issued", "issued", ""} {
		m.HSet(key, field, "5")
	}
	m.HSet(key, "bulk.issued", "many")
	m.HSet(key, "bulk.accepted", "2")
	if got := read(t, redistest.Client(t, m.Addr()), noon, 1)[0]; got.Accepted != 2 || got.Issued != 0 || got.Quantile(1) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestQuantilesAreNear holds quantiles against those of the sorted latencies.
func TestQuantilesAreNear(t *testing.T) {
	rdb := redistest.Client(t, redistest.Mini(t).Addr())
	minute := noon
	rapid.Check(t, func(rt *rapid.T) {
		minute = minute.Add(time.Minute)
		r := minutes.NewRecorder(rdb, prefix, quiet)
		latencies := rapid.SliceOfN(rapid.Int64Range(int64(time.Millisecond), int64(48*time.Hour)), 1, 50).Draw(rt, "latencies")
		for _, d := range latencies {
			r.Issued(order.Bulk, time.Duration(d))
		}
		r.Flush(ctx, minute)
		m := read(t, rdb, minute, 1)[0]
		slices.Sort(latencies)
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 1} {
			got, want := float64(m.Quantile(q)), float64(latencies[max(int(q*float64(len(latencies))+0.9999)-1, 0)])
			if got < want/1.5 || got > want*1.5 {
				rt.Errorf("quantile %v of %v: %v, want about %v", q, latencies, time.Duration(got), time.Duration(want))
			}
		}
		if m.Quantile(0.5) > m.Quantile(0.99) {
			rt.Error("quantiles fall")
		}
	})
}

func TestWhatWorkersDidIsCounted(t *testing.T) {
	rdb := redistest.Client(t, redistest.Mini(t).Addr())
	r := minutes.NewRecorder(rdb, prefix, quiet)
	attempt := worker.Attempted{Attempt: ledger.Attempt{Lane: order.Bulk, Accepted: noon.Add(-time.Minute), Now: noon}}
	attempt.Claimed, attempt.Reported = time.Unix(0, 0), time.Unix(30, 0) // a clock of long ago
	for _, s := range []ledger.Settlement{
		ledger.SettledIssued, ledger.SettledFailed, ledger.SettledFailed, ledger.SettledReleased, ledger.SettledHeld, ledger.SettledSurplus, ledger.SettledStale, "",
	} {
		attempt.Settled = s
		r.Attempted(ctx, attempt)
	}
	for _, s := range []ledger.EmailSettlement{
		ledger.EmailSettledSent, ledger.EmailSettledSent, ledger.EmailSettledFailed, ledger.EmailSettledBack, ledger.EmailSettledHeld, ledger.EmailSettledStale, "",
	} {
		r.EmailAttempted(ctx, worker.EmailAttempted{Settled: s})
	}
	r.Recovered(order.Bulk, 7)
	r.Flush(ctx, noon)
	m := read(t, rdb, noon, 1)[0]
	if m.Bulk.Issued != 1 || m.Failed != 2 || m.Emailed != 2 || m.EmailsFailed != 1 || m.Accepted != 0 {
		t.Errorf("%+v", m)
	}
	near(t, "enqueue to link", m.Quantile(0.5), 90*time.Second)
}

func BenchmarkRecorder(b *testing.B) {
	r := minutes.NewRecorder(nil, prefix, quiet)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r.Issued(order.Interactive, 42*time.Millisecond)
		}
	})
}
