package stream_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/stream"
)

var errOOM = errors.New("OOM command not allowed when used memory > 'maxmemory'")

func TestWhatRedisDoesNotTakeStaysPendingAndIsTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var full atomic.Bool
		full.Store(true)
		tried := make(chan struct{}, 1000)
		b.start(t, nil, commands{before: func(cmd redis.Cmder) error {
			if accepts(cmd) && full.Load() {
				tried <- struct{}{}
				return errOOM
			}
			return nil
		}})
		b.add(t, "order", event("M1", "r0", 1))
		for range 3 {
			await(t, tried)
		}
		b.add(t, "order", event("M1", "r1", 1))
		for range 3 {
			await(t, tried)
		}
		if p := b.rdb.XPending(ctx, keys.Orders(), stream.Group).Val(); p.Count == 0 {
			t.Error("acknowledged what was not accepted")
		}
		full.Store(false)
		b.settled(t)
		b.wantOrders(t, "M1", "r0", "r1")
	})
}

func await(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("waited in vain")
	}
}

// TestOneOrderThatIsNeverTakenHoldsNobodyUp has a record that no script can read.
func TestOneOrderThatIsNeverTakenHoldsNobodyUp(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		broken := key("M1", "broken")
		b.rdb.Set(ctx, keys.Record(broken), "no record", 0)
		b.add(t, "order", event("M1", "broken", 1))
		b.start(t, nil)
		for _, ref := range []string{"r0", "r1", "r2"} {
			b.add(t, "order", event("M1", ref, 1))
			b.awaitOrder(t, "M1", ref)
		}
		eventually(t, "only the broken one is left", func() bool { return b.rdb.XPending(ctx, keys.Orders(), stream.Group).Val().Count == 1 })
		b.rdb.Del(ctx, keys.Record(broken))
		b.settled(t)
		b.wantOrders(t, "M1", "broken")
	})
}

func TestRedisAway(t *testing.T) {
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	b := newBench(t, server.Addr)
	stop := b.start(t, nil)
	b.add(t, "order", event("M1", "before", 1))
	b.settled(t)
	server.Kill()
	server.Restart(t)
	b.add(t, "order", event("M1", "after", 1))
	b.settled(t)
	b.wantOrders(t, "M1", "before", "after")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestStopFinishesTheBatchUnderWay(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		reached, goOn := make(chan struct{}, 1), make(chan struct{})
		var once sync.Once
		p := newProcess(t, b.addr, nil, commands{before: func(cmd redis.Cmder) error {
			if accepts(cmd) {
				once.Do(func() { reached <- struct{}{}; <-goOn })
			}
			return nil
		}})
		b.add(t, "order", event("M1", "r0", 1))
		b.add(t, "order", "no order")
		p.begin()
		await(t, reached)
		p.end()
		close(goOn)
		if err := p.close(); err != nil {
			t.Fatal(err)
		}
		b.wantOrders(t, "M1", "r0")
		if !b.handled(keys.Orders()) || len(b.answers(t)) != 1 {
			t.Errorf("the batch was not finished: %v", b.answers(t))
		}
		if c := b.rdb.XInfoConsumers(ctx, keys.Orders(), stream.Group).Val(); len(c) != 0 {
			t.Errorf("the consumer stays: %+v", c)
		}
	})
}

func TestStopWhileRedisDoesNotAnswer(t *testing.T) {
	b := newBench(t, redistest.Server(t))
	tried := make(chan struct{}, 1000)
	stop := b.start(t, nil, commands{before: func(cmd redis.Cmder) error {
		if accepts(cmd) {
			tried <- struct{}{}
			return errOOM
		}
		return nil
	}})
	b.add(t, "order", event("M1", "r0", 1))
	await(t, tried)
	if err := stop(); err == nil {
		t.Error("says that all is done")
	}
	b.start(t, func(c *stream.Config) { c.Abandoned = soon })
	b.settled(t)
	b.wantOrders(t, "M1", "r0")
}

// TestIdleIntakeCostsLittle counts commands while the intake waits three times for a second each.
func TestIdleIntakeCostsLittle(t *testing.T) {
	b := newBench(t, redistest.Server(t))
	var sent atomic.Int64
	waits := make(chan struct{}, 1000)
	p := newProcess(t, b.addr, nil, commands{before: func(cmd redis.Cmder) error {
		sent.Add(1)
		if cmd.Name() == "xreadgroup" {
			waits <- struct{}{}
		}
		return nil
	}})
	p.Hasten(time.Second)
	p.begin()
	defer p.close()
	b.add(t, "order", event("M1", "r0", 1))
	b.settled(t)
	for len(waits) > 0 {
		<-waits
	}
	await(t, waits)
	begin, before := time.Now(), sent.Load()
	for range 3 {
		await(t, waits)
	}
	if rate := float64(sent.Load()-before) / time.Since(begin).Seconds(); rate > 3 {
		t.Errorf("%.1f commands a second with nothing to do", rate)
	} else {
		t.Logf("%.1f commands a second with nothing to do", rate)
	}
}

func BenchmarkIntake(b *testing.B) {
	w := newBench(b, redistest.Server(b))
	for i := 0; i < b.N; {
		pipe := w.rdb.Pipeline()
		for n := 0; n < 1000 && i < b.N; n, i = n+1, i+1 {
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: keys.Orders(), Values: []any{"order", event("M1", fmt.Sprint("r", i), 1), "lane", string(order.Bulk)}})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	w.start(b, nil)
	w.settled(b)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
