package queue_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestFetchTakesNoMoreThanIsWorked looks at a queue whose handlers are all busy: what waits, waits in the queue, where other
// workers see it.
func TestFetchTakesNoMoreThanIsWorked(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := config()
		c.Concurrency = 8
		begun, release := make(chan string, 100), make(chan struct{})
		for i := range 100 {
			b.enqueue(t, order.Bulk, fmt.Sprint("t", i))
		}
		b.serve(t, c, func(_ context.Context, task queue.Task) error { begun <- task.ID; <-release; return nil })
		for i := range 8 {
			await(t, fmt.Sprint("handler ", i), begun)
		}
		q, err := b.inspector.GetQueueInfo(queue.Name(ns, order.Bulk))
		if err != nil || q.Active != 8 || q.Pending != 92 {
			t.Errorf("active %d, pending %d, %v: want 8 and 92", q.Active, q.Pending, err)
		}
		close(release)
		for i := range 92 {
			await(t, fmt.Sprint("one of the rest, ", i), begun)
		}
	})
}

// TestFetchTakesManyAtOnce counts the round trips by which an idle server empties a full queue.
func TestFetchTakesManyAtOnce(t *testing.T) {
	b := newBench(t, redistest.Server(t))
	c := config()
	c.Concurrency, c.PickupInterval, c.DelayedInterval = 200, time.Hour, time.Hour // a fetch alone asks whether a key exists
	for i := range 100 {
		b.enqueue(t, order.Bulk, fmt.Sprint("t", i))
	}
	b.rdb.ConfigResetStat(context.Background())
	done := make(chan string, 100)
	b.serve(t, c, func(_ context.Context, task queue.Task) error { done <- task.ID; return nil })
	for range 100 {
		await(t, "a task", done)
	}
	var n int
	_, calls, _ := strings.Cut(b.rdb.Info(context.Background(), "commandstats").Val(), "cmdstat_exists:calls=")
	if fmt.Sscan(strings.Replace(calls, ",", " ", 1), &n); n < 3 || n > 20 {
		t.Errorf("%d fetches for 100 tasks", n)
	}
}

// TestBellWakesAnIdleServer has a lookout that comes too late for the test.
func TestBellWakesAnIdleServer(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := config()
		c.PickupInterval = time.Hour
		done := make(chan string, 10)
		b.serve(t, c, func(_ context.Context, task queue.Task) error { done <- task.ID; return nil })
		b.awaitIdle(t)
		b.enqueue(t, order.Interactive, "one")
		await(t, "a task that was rung for", done)
		await(t, "an empty queue again", b.empty)
		for _, err := range b.client.EnqueueMany(context.Background(), []queue.Entry{
			{Lane: order.Bulk, TaskID: "two", Payload: []byte("{}")}, {Lane: order.Bulk, TaskID: "three", Payload: []byte("{}")},
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		got := []string{await(t, "a task of many", done), await(t, "another", done)}
		if slices.Sort(got); !slices.Equal(got, []string{"three", "two"}) {
			t.Errorf("got %v", got)
		}
	})
}

// TestLookoutFindsWhatNobodyRangFor enqueues as a plain asynq client does.
func TestLookoutFindsWhatNobodyRangFor(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		done := make(chan string, 10)
		b.serve(t, config(), func(_ context.Context, task queue.Task) error { done <- task.ID; return nil })
		b.awaitIdle(t)
		b.enqueueForeign(t, asynq.TaskID("foreign"))
		if id := await(t, "a foreign task", done); id != "foreign" {
			t.Errorf("got %s", id)
		}
	})
}

// TestShutdownOfAnIdleServer is not to wait for the next look at the queue.
func TestShutdownOfAnIdleServer(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := config()
		c.PickupInterval = time.Hour
		s := b.start(t, c, func(context.Context, queue.Task) error { return nil })
		b.awaitIdle(t)
		begun := time.Now()
		if err := s.Shutdown(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 4*time.Second { // asynq itself pauses here and there
			t.Errorf("it took %v", took)
		}
	})
}

// TestFetchedTasksAreHandedBack puts what was fetched and not begun back to where it was.
func TestFetchedTasksAreHandedBack(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.enqueue(t, order.Bulk, "a", "b", "c", "d")
		fetched, handBack := queue.FetchAndHandBack(t, b.rdb, ns, order.Bulk, 3)
		if !slices.Equal(fetched, []string{"a", "b", "c"}) {
			t.Fatalf("fetched %v", fetched)
		}
		if info := b.info(t, order.Bulk, "a"); info.State != asynq.TaskStateActive {
			t.Fatalf("fetched, and %v", info.State)
		}
		if err := handBack(); err != nil {
			t.Fatal(err)
		}
		p, err := queue.Backlog(context.Background(), b.rdb, ns, order.Bulk, 10)
		if err != nil || !slices.Equal(p.TaskIDs, []string{"a", "b", "c", "d"}) {
			t.Errorf("the queue is %v, %v", p.TaskIDs, err)
		}
		if info := b.info(t, order.Bulk, "a"); info.State != asynq.TaskStatePending {
			t.Errorf("handed back, and %v", info.State)
		}
	})
}

// TestManyAreFetchedAsAsynqDoesOneByOne compares what both leave in Redis.
func TestManyAreFetchedAsAsynqDoesOneByOne(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ctx, of := context.Background(), "asynq:{"+queue.Name(ns, order.Bulk)+"}:"
		left := func(fetches ...int) (state []any) {
			b.rdb.FlushDB(ctx)
			b.enqueue(t, order.Bulk, "a", "b", "c", "d")
			for _, n := range fetches {
				queue.FetchAndHandBack(t, b.rdb, ns, order.Bulk, n)
			}
			state = append(state, b.rdb.LRange(ctx, of+"pending", 0, -1).Val(), b.rdb.LRange(ctx, of+"active", 0, -1).Val(),
				b.rdb.ZRange(ctx, of+"lease", 0, -1).Val())
			for _, id := range []string{"a", "b", "c", "d"} {
				fields := b.rdb.HGetAll(ctx, of+"t:"+id).Val()
				if _, waits := fields["pending_since"]; waits {
					fields["pending_since"] = "yes"
				}
				state = append(state, fields)
			}
			return state
		}
		if many, single := left(3), left(1, 1, 1); !reflect.DeepEqual(many, single) {
			t.Errorf("many leave\n%v, one by one\n%v", many, single)
		}
	})
}

func FuzzTaskID(f *testing.F) {
	f.Add("\x0a\x01t\x12\x02{}\x1a\x03abc")
	f.Add("")
	f.Add("\x1a\xff")
	f.Fuzz(func(t *testing.T, encoded string) {
		if id, err := queue.IDOf(encoded); err == nil && !strings.Contains(encoded, id) {
			t.Errorf("%q has the id %q", encoded, id)
		}
	})
}
