package app

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

func partitioned(t *testing.T, addr string, n int) *Base {
	t.Helper()
	b := open(t, addr)
	if err := b.Partition(ctx, n); err != nil {
		t.Fatal(err)
	}
	return b
}

// hand hands orders from..to in at the door.
func hand(t *testing.T, d *intake.Door, from, to int, want intake.Status) {
	t.Helper()
	var events []intake.Event
	for i := from; i < to; i++ {
		events = append(events, intake.Event{JSON: event(i), Lane: lanes[i%2]})
	}
	for _, r := range d.Submit(ctx, events) {
		if r.Status != want {
			t.Fatalf("%+v, want %s", r, want)
		}
	}
}

func event(i int) []byte { return fmt.Appendf(nil, `{"merchant_txn_ref":"r%d","currency":"JPY"}`, i) }

// TestPartitionsByEveryWayIn has orders of three partitions come by the door, by the stream, and in tasks of a plain asynq client,
// each of them twice.
func TestPartitionsByEveryWayIn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := partitioned(t, addr, 3)
		s, m := slowGateway(t)
		w := start(t, b, m)
		stop, _ := b.StartStream(ctx, m)
		client := asynq.NewClient(asynq.RedisClientOpt{Addr: addr})
		defer client.Close()
		for range 2 {
			for i := range 20 {
				if err := b.Redis.Client().XAdd(ctx, &redis.XAddArgs{Stream: "{hpp}:orders", Values: []any{"order", event(100 + i)}}).Err(); err != nil {
					t.Fatal(err)
				}
				if _, err := client.Enqueue(asynq.NewTask(queue.TypeGenerate, event(200+i)), asynq.Queue("hpp-bulk"), asynq.MaxRetry(0)); err != nil {
					t.Fatal(err)
				}
			}
		}
		d := b.Door(m)
		hand(t, d, 0, 20, intake.Accepted)
		hand(t, d, 0, 20, intake.Known)
		published := await(t, b, 60)
		if err := errors.Join(stop(), w.Stop()); err != nil {
			t.Error(err)
		}
		if !equal(minted(t, s), published) || s.Stats().Posts != 60 {
			t.Errorf("%d POSTs for 60 orders", s.Stats().Posts)
		}
		used := 0
		for _, stream := range b.Ledger.Streams() {
			if b.Redis.Client().XLen(ctx, stream).Val() > 0 {
				used++
			}
		}
		if used != 3 {
			t.Errorf("results in %d streams", used)
		}
	})
}

// TestPartitionsShareTheHandlers: a worker of many partitions makes no more calls at once than one of a single partition.
func TestPartitionsShareTheHandlers(t *testing.T) {
	b := partitioned(t, redistest.Server(t), 6)
	var now, most atomic.Int64
	s, m := gatewayBehind(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			defer now.Add(-1)
			for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
			}
			h.ServeHTTP(w, r)
		})
	})
	submit(t, b, m, 150)
	w, err := b.StartWorker(ctx, WorkerConfig{Merchants: m, Concurrency: 4})
	if err != nil {
		t.Fatal(err)
	}
	await(t, b, 150)
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	if n := most.Load(); n > 8 || n < 6 || s.Stats().Posts != 150 {
		t.Errorf("%d calls at once, %d in all; 4 for each of two lanes are allowed", n, s.Stats().Posts)
	}
}

func TestPartitionRefusesAnotherNumber(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := open(t, addr)
		_, m := slowGateway(t)
		submit(t, b, m, 1)
		var mismatch *PartitionsError
		if err := b.Partition(ctx, 6); !errors.As(err, &mismatch) || mismatch.Has != 1 || mismatch.Wanted != 6 {
			t.Errorf("%v", err)
		}
		if err := b.Partition(ctx, 1); err != nil {
			t.Error(err)
		}
	})
}

// TestPartitionsBecomeMoreUnderWork has a namespace of one partition get three, while a process that knows of one takes orders and
// works them, and another one comes.
func TestPartitionsBecomeMoreUnderWork(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		const n = 300
		before := open(t, addr)
		s, m := slowGateway(t)
		old := start(t, before, m)
		door := before.Door(m)
		hand(t, door, 0, n/3, intake.Accepted)
		if _, err := partition.Grow(ctx, before.Redis.Client(), "hpp", 3); err != nil {
			t.Fatal(err)
		}
		hand(t, door, n/3, 2*n/3, intake.Accepted) // some to where this process has no worker
		after := open(t, addr)
		w := start(t, after, m)
		both := after.Door(m)
		hand(t, both, 0, 2*n/3, intake.Known)
		hand(t, both, 2*n/3, n, intake.Accepted)
		hand(t, door, 0, n, intake.Known)
		published := await(t, after, n)
		if err := errors.Join(old.Stop(), w.Stop()); err != nil {
			t.Error(err)
		}
		if !equal(minted(t, s), published) || s.Stats().Posts != n {
			t.Errorf("%d POSTs for %d orders", s.Stats().Posts, n)
		}
	})
}

// TestHeldOrdersOfPartitionsGoOn: each partition has a breaker of its own, which trips and closes by itself.
func TestHeldOrdersOfPartitionsGoOn(t *testing.T) {
	b := partitioned(t, redistest.Server(t), 3)
	s, m := slowGateway(t)
	denied, err := sandbox.ParseFaults("401=1")
	if err != nil {
		t.Fatal(err)
	}
	s.SetFaults(denied)
	submit(t, b, m, 30)
	w := start(t, b, m)
	held := func() (sum int) {
		v, err := b.Ledger.Overview(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range v.Breakers {
			sum += x.Held
		}
		return sum
	}
	for deadline := time.Now().Add(patience); held() < 20; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d are held", held())
		}
	}
	s.SetFaults(sandbox.Faults{})
	if err := b.Ledger.Hasten(ctx, "M1"); err != nil {
		t.Fatal(err)
	}
	await(t, b, 30)
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
}

// TestRegressionWorkerWorksPartitionsThatCome: orders of partitions that came after a worker's start waited until it was restarted.
func TestRegressionWorkerWorksPartitionsThatCome(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := open(t, addr)
		s, m := slowGateway(t)
		w := start(t, b, m)
		if _, err := partition.Grow(ctx, b.Redis.Client(), "hpp", 3); err != nil {
			t.Fatal(err)
		}
		hand(t, b.Door(m), 0, 30, intake.Accepted)
		await(t, open(t, addr), 30)
		if names, err := b.Ledger.Unworked(ctx); err != nil || len(names) > 0 {
			t.Errorf("%q %v", names, err)
		}
		if err := errors.Join(w.Ready(ctx), w.Stop()); err != nil || s.Stats().Posts != 30 {
			t.Errorf("%d POSTs, %v", s.Stats().Posts, err)
		}
	})
}

// TestRegressionFullTaskOfAnOrderThatAFormerPartitionHas: a worker of the partition that it belongs to now took it in again.
func TestRegressionFullTaskOfAnOrderThatAFormerPartitionHas(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := open(t, addr)
		s, m := slowGateway(t)
		for _, n := range []int{3, 1} { // the second time all are at home
			if _, err := partition.Grow(ctx, b.Redis.Client(), "hpp", n); err != nil {
				t.Fatal(err)
			}
			hand(t, b.Door(m), 100*n, 100*n+10, intake.Accepted)
		}
		b = open(t, addr)
		w := start(t, b, m)
		client := asynq.NewClient(asynq.RedisClientOpt{Addr: addr})
		defer client.Close()
		for i := range 10 {
			if _, err := client.Enqueue(asynq.NewTask(queue.TypeGenerate, event(300+i)), asynq.Queue("hpp-interactive"), asynq.MaxRetry(0)); err != nil {
				t.Fatal(err)
			}
		}
		hand(t, b.Door(m), 500, 501, intake.Accepted)
		await(t, b, 21)
		if err := w.Stop(); err != nil || s.Stats().Posts != 21 {
			t.Errorf("%d POSTs for 21 orders, %v", s.Stats().Posts, err)
		}
	})
}
