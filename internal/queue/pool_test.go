package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// enqueueAt enqueues into a namespace.
func (b *bench) enqueueAt(t *testing.T, namespace string, ids ...string) {
	t.Helper()
	entries := make([]queue.Entry, len(ids))
	for i, id := range ids {
		entries[i] = queue.Entry{Lane: order.Bulk, TaskID: id, Payload: []byte("{}"), Namespace: namespace}
	}
	if err := errors.Join(b.client.EnqueueMany(context.Background(), entries)...); err != nil {
		t.Fatal(err)
	}
}

// pooled is config for a namespace, with handlers that others share.
func pooled(namespace string, p *queue.Pool) queue.Config {
	c := config()
	c.Namespace, c.Lanes, c.Concurrency, c.Pools = namespace, []order.Lane{order.Bulk}, 8, map[order.Lane]*queue.Pool{order.Bulk: p}
	return c
}

// numbered returns ids of tasks.
func numbered(name string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprint(name, i))
	}
	return ids
}

// TestPoolIsShared: servers of two namespaces work no more at once than there are handlers, and a full queue leaves some of them to
// the other.
func TestPoolIsShared(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		pool := queue.NewPool(4)
		var now, most atomic.Int64
		small, all := make(chan string, 10), make(chan string, 1000)
		handler := func(done chan<- string) queue.Handler {
			return func(_ context.Context, task queue.Task) error {
				n := now.Add(1)
				defer now.Add(-1)
				for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
				}
				time.Sleep(5 * time.Millisecond) // the work
				if task.ID == "big7" {
					panic("in a handler")
				}
				done <- task.ID
				return nil
			}
		}
		b.enqueueAt(t, "big", numbered("big", 600)...)
		b.serve(t, pooled("big", pool), handler(all))
		await(t, "the full queue is worked", all)
		b.serve(t, pooled("small", pool), handler(small))
		b.enqueueAt(t, "small", numbered("small", 5)...)
		for range 5 {
			await(t, "a task beside a full queue", small)
		}
		if len(all) > 500 {
			t.Errorf("%d of 600 tasks came before 5 of another queue", len(all))
		}
		if n := most.Load(); n > 4 || n < 3 {
			t.Errorf("%d at once", n)
		}
	})
}

// TestPoolSurvivesShutdown has a server of two stop while all handlers are busy with its tasks: they are all there for the other.
func TestPoolSurvivesShutdown(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		pool := queue.NewPool(2)
		begun, release := make(chan string, 100), make(chan struct{})
		b.enqueueAt(t, "one", numbered("one", 20)...)
		one := b.start(t, pooled("one", pool), func(_ context.Context, task queue.Task) error { begun <- task.ID; <-release; return nil })
		await(t, "the first", begun)
		await(t, "the second", begun)
		stopped := make(chan error, 1)
		go func() { stopped <- one.Shutdown() }()
		other := make(chan string, 10)
		b.serve(t, pooled("other", pool), func(_ context.Context, task queue.Task) error { other <- task.ID; return nil })
		close(release)
		if err := await(t, "the end", stopped); err != nil {
			t.Error(err)
		}
		b.enqueueAt(t, "other", "a", "b")
		await(t, "one", other)
		await(t, "and another", other)
		awaitFree(t, pool, 2)
	})
}

// awaitFree waits until a pool has so many handlers that are free.
func awaitFree(t *testing.T, p *queue.Pool, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); p.Free() != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d handlers are free, want %d", p.Free(), want)
		}
	}
}

// TestRegressionUnreadableTasksKeepNoHandlers: asynq refuses what it can not decode, and gives it no slot, from which the handler that
// it was fetched for would come back.
func TestRegressionUnreadableTasksKeepNoHandlers(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		pool := queue.NewPool(2)
		done := make(chan string, 10)
		b.enqueueAt(t, "one", numbered("bad", 6)...)
		for i, text := range []string{"garbage", "", "\x0a\x02\xff\xfe", "\x1a", "\x7a\x04\x0a\x02\xff\xfe", "\xff"} {
			if err := b.rdb.HSet(context.Background(), "asynq:{one-bulk}:t:"+fmt.Sprint("bad", i), "msg", text).Err(); err != nil {
				t.Fatal(err)
			}
		}
		b.serve(t, pooled("one", pool), func(_ context.Context, task queue.Task) error { done <- task.ID; return nil })
		client := asynq.NewClient(b.opt)
		defer client.Close()
		long := make([]byte, 300) // its length is no valid text
		for i := range long {
			long[i] = 'x'
		}
		task := asynq.NewTaskWithHeaders(queue.TypeGenerate, []byte("\xff\xfe"), map[string]string{"note": string(long)})
		if _, err := client.Enqueue(task, asynq.Queue("one-bulk"), asynq.TaskID("good")); err != nil {
			t.Fatal(err)
		}
		await(t, "a task after those", done)
		awaitFree(t, pool, 2)
	})
}
