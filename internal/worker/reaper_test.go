package worker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/worker"
)

func (b *bench) reaper() *worker.Reaper {
	pending := func(ctx context.Context, lane order.Lane, n int) (queue.Pending, error) {
		return queue.Backlog(ctx, b.conn.Client(), ns, lane, n)
	}
	return worker.NewReaper(b.ledger, b.queue, pending, quiet)
}

// reap lets a reaper run until the test ends, or until stop is called.
func (b *bench) reap(t *testing.T) (stop func()) {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { b.reaper().Run(running) })
	stop = func() {
		cancel()
		done.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// longAgo moves the time of all queued orders into the past, in the order that they have.
func (b *bench) longAgo(t *testing.T, lane order.Lane, ago time.Duration) {
	t.Helper()
	b.shift(t, b.ledger.Keys().Queued(lane), -ago)
}

// queuedSince says since when, or until when, an order has been left alone.
func (b *bench) queuedSince(lane order.Lane, k order.Key, at time.Time) {
	b.rdb.ZAdd(ctx, b.ledger.Keys().Queued(lane), redis.Z{Score: float64(at.UnixMilli()), Member: k.String()})
}

// leasesEnd lets the time of all leases pass.
func (b *bench) leasesEnd(t *testing.T) {
	t.Helper()
	for _, lane := range lanes {
		b.shift(t, b.ledger.Keys().Sending(lane), -time.Hour)
	}
	records, err := b.rdb.Keys(ctx, "{"+ns+"}:order:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if b.rdb.HGet(ctx, r, "state").Val() == "sending" {
			b.rdb.HIncrBy(ctx, r, "lease", -time.Hour.Milliseconds())
		}
	}
}

func (b *bench) shift(t *testing.T, zset string, by time.Duration) {
	t.Helper()
	all, err := b.rdb.ZRangeWithScores(ctx, zset, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].Score += float64(by.Milliseconds())
	}
	if len(all) == 0 {
		return
	}
	if err := b.rdb.ZAdd(ctx, zset, all...).Err(); err != nil {
		t.Fatal(err)
	}
}

// submit hands n orders in on a lane, with their tasks.
func (b *bench) submit(t *testing.T, lane order.Lane, prefix string, n int) {
	t.Helper()
	events := make([]intake.Event, n)
	for i := range events {
		events[i] = intake.Event{JSON: event("M1", fmt.Sprintf("%s%d", prefix, i)), Lane: lane}
	}
	for _, r := range b.door.Submit(ctx, events) {
		if r.Status != intake.Accepted {
			t.Fatalf("%+v", r)
		}
	}
}

func (b *bench) pending(lane order.Lane) int64 {
	return b.rdb.LLen(ctx, "asynq:{"+queue.Name(ns, lane)+"}:pending").Val()
}

func (b *bench) wantReaped(t *testing.T, lane order.Lane, want int) {
	t.Helper()
	if n, err := b.reaper().Reap(ctx, lane); n != want || err != nil {
		t.Fatalf("%d orders given back (%v), want %d", n, err, want)
	}
}

func TestOrderWhoseProducerDiedBeforeEnqueueing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		b.serve(t, b.worker(t, profile(t, "M1", at)))
		task := b.accept(t, event("M1", "r"))
		b.wantReaped(t, task.Lane, 0) // it has a grace
		b.longAgo(t, task.Lane, ledger.Grace)
		b.reap(t)
		b.await(t, 1)
		b.idle(t)
		if got, want := b.outcome(t, s), (outcome{results.LinkIssued, "", 1, false, 1, 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestOrderWhoseWorkerWasKilled(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		task := b.accept(t, event("M1", "r"))
		if c, err := b.ledger.Claim(ctx, key("M1", "r"), ledger.NewNonce(), time.Millisecond, nil); err != nil || c.Grant != ledger.Granted {
			t.Fatalf("%+v %v", c, err)
		}
		b.reap(t)
		eventually(t, "the order has a task", func() bool { return b.pending(task.Lane) == 1 })
		b.serve(t, b.worker(t, profile(t, "M1", at)))
		b.await(t, 1)
		if got, want := b.outcome(t, s), (outcome{results.LinkIssued, "", 2, true, 1, 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestTwoReapersGiveAnOrderBackOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 700 {
			b.accept(t, event("M1", fmt.Sprint("r", i)))
		}
		b.longAgo(t, order.Interactive, time.Hour)
		var all sync.WaitGroup
		var got [4]int
		for i := range got {
			all.Go(func() { got[i], _ = b.reaper().Reap(ctx, order.Interactive) })
		}
		all.Wait()
		if n := got[0] + got[1] + got[2] + got[3]; n != 700 || b.pending(order.Interactive) != 700 {
			t.Errorf("%v given back, %d tasks; want 700", got, b.pending(order.Interactive))
		}
	})
}

func TestOrdersThatWaitInALongQueueAreNotLost(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const n = 2000 // several times what is given back in one step
		b.submit(t, order.Bulk, "r", n)
		b.longAgo(t, order.Bulk, time.Hour)
		b.wantReaped(t, order.Bulk, 0)
		b.wantReaped(t, order.Interactive, 0)

		// One that was lost before all these is seen nevertheless.
		s, err := b.door.Prepare(event("M1", "lost"), order.Bulk)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.ledger.Accept(ctx, s); err != nil {
			t.Fatal(err)
		}
		b.queuedSince(order.Bulk, s.Key, time.Now().Add(-2*time.Hour))
		b.wantReaped(t, order.Bulk, 1)
		b.wantReaped(t, order.Bulk, 0)
		if got := b.pending(order.Bulk); got != n+1 {
			t.Errorf("%d tasks, want %d", got, n+1)
		}
	})
}

// TestStaleTasksAtTheFront are of orders that were settled, that wait for a later time, or that nobody knows.
func TestStaleTasksAtTheFront(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		w := b.worker(t, profile(t, "M1", at))
		for _, ref := range []string{"done", "waits~429:600s"} {
			task := b.accept(t, event("M1", ref))
			_ = w.Handle(ctx, task)
			for _, id := range []string{task.ID, task.ID + "0", task.ID + "1"} {
				if err := b.queue.Enqueue(ctx, order.Interactive, id, task.Payload); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, id := range []string{"plain", "M1:unknown:1"} {
			if err := b.queue.Enqueue(ctx, order.Interactive, id, event("M1", "plain")); err != nil {
				t.Fatal(err)
			}
		}
		b.submit(t, order.Interactive, "r", 100)
		b.longAgo(t, order.Interactive, time.Hour)
		b.queuedSince(order.Interactive, key("M1", "waits~429:600s"), time.Now().Add(10*time.Minute))
		b.wantReaped(t, order.Interactive, 0)
	})
}

// TestFrontOfTheQueueThatTheLedgerDoesNotKnow is full of tasks from plain clients: then asynq's times must do.
func TestFrontOfTheQueueThatTheLedgerDoesNotKnow(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 20 {
			if err := b.queue.Enqueue(ctx, order.Interactive, fmt.Sprint("plain", i), event("M1", fmt.Sprint("p", i))); err != nil {
				t.Fatal(err)
			}
		}
		b.submit(t, order.Interactive, "r", 100)
		b.wantReaped(t, order.Interactive, 0)
		b.accept(t, event("M1", "lost"))
		b.queuedSince(order.Interactive, key("M1", "lost"), time.Now().Add(-time.Hour))
		b.wantReaped(t, order.Interactive, 1)
	})
}

func TestReaperWaitsForRedis(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t, "--appendonly", "yes")
	b := newBench(t, server.Addr, server.Addr)
	stop := b.reap(t)
	task := b.accept(t, event("M1", "r"))
	b.longAgo(t, task.Lane, time.Hour)
	eventually(t, "the order has a task", func() bool { return b.pending(task.Lane) == 1 })
	server.Kill()
	server.Restart(t)
	task = b.accept(t, event("M1", "later"))
	b.queuedSince(task.Lane, key("M1", "later"), time.Now().Add(-2*time.Hour))
	eventually(t, "the later order has a task", func() bool { return b.pending(task.Lane) == 2 })
	stop()
}

// TestAllTasksLostHalfWay takes the ledger's real grace.
func TestAllTasksLostHalfWay(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t)
	b := newBench(t, server.Addr, server.Addr)
	s, at := gatewayAt(t, sandbox.Options{Latency: 20 * time.Millisecond}, nil)
	b.submit(t, order.Interactive, "i", 100)
	b.submit(t, order.Bulk, "b", 100)
	b.reap(t)
	b.serve(t, b.worker(t, profile(t, "M1", at)))
	b.await(t, 60)
	lost, err := b.rdb.Keys(ctx, "asynq:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	b.rdb.Del(ctx, lost...)
	if c := b.counts(t); c.Open() == 0 {
		t.Fatal("the tasks were lost too late to matter")
	}
	all := b.await(t, 200)
	refs := map[string]int{}
	for _, e := range all {
		if refs[e.Ref]++; e.Type != results.LinkIssued {
			t.Errorf("%s about %s", e.Type, e.Ref)
		}
	}
	b.idle(t)
	if st := s.Stats(); len(refs) != 200 || len(b.events(t)) != 200 || st.Posts != 200 || b.counts(t).Open() != 0 {
		t.Errorf("%d refs, %d events, %d POSTs, %+v", len(refs), len(b.events(t)), st.Posts, b.counts(t))
	}
}
