package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

func TestNames(t *testing.T) {
	if got := queue.Name(queue.DefaultNamespace, order.Interactive); got != "hpp-interactive" {
		t.Error(got)
	}
	if got := queue.Name("other", order.Bulk); got != "other-bulk" {
		t.Error(got)
	}
}

func TestEnqueuedTask(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.enqueue(t, order.Bulk, "m:r.1")
		got := b.info(t, order.Bulk, "m:r.1")
		if got.Type != "link:generate" || string(got.Payload) != `{"id":"m:r.1"}` || got.State != asynq.TaskStatePending {
			t.Errorf("got %+v", got)
		}
		if got.MaxRetry != math.MaxInt32 || got.Timeout < 365*24*time.Hour || got.Retention != 0 {
			t.Errorf("asynq's limits are in the way: %+v", got)
		}
	})
}

func TestConflictIsSuccess(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.enqueue(t, order.Bulk, "a", "a")
		if n := b.rdb.LLen(context.Background(), "asynq:{test-bulk}:pending").Val(); n != 1 {
			t.Errorf("%d tasks", n)
		}
	})
}

func TestEnqueueRefuses(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, id := range []string{"", "a/b", "{a}", "a}"} {
			if b.client.Enqueue(context.Background(), order.Bulk, id, nil) == nil {
				t.Errorf("accepted the id %q", id)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := b.client.Enqueue(ctx, order.Bulk, "a", nil); !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
		if n := b.rdb.DBSize(context.Background()).Val(); n != 0 {
			t.Errorf("%d keys were written all the same", n)
		}
	})
}

func TestEnqueueMany(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var entries []queue.Entry
		for i := range 100 {
			entries = append(entries, queue.Entry{Lane: order.Bulk, TaskID: fmt.Sprint("t", i)})
		}
		entries[7].TaskID = "a/b"
		entries[8].Lane = order.Interactive
		errs := b.client.EnqueueMany(context.Background(), entries)
		if len(errs) != 100 || errs[7] == nil || slices.ContainsFunc(slices.Delete(errs, 7, 8), func(err error) bool { return err != nil }) {
			t.Errorf("errors: %v", errs)
		}
		if n := b.rdb.LLen(context.Background(), "asynq:{test-bulk}:pending").Val(); n != 98 {
			t.Errorf("%d tasks, want 98", n)
		}
	})
}

// TestRegressionDelayedTaskCameEarly: asynq cuts times down to the second, so a task that was to be worked in 300 ms came at once,
// found its order not due, and ended; the order then waited until it counted as lost.
func TestRegressionDelayedTaskCameEarly(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const in = 300 * time.Millisecond
		at := time.Now().Add(in)
		if errs := b.client.EnqueueMany(context.Background(), []queue.Entry{{Lane: order.Bulk, TaskID: "a", In: in}}); errs[0] != nil {
			t.Fatal(errs[0])
		}
		if got := b.info(t, order.Bulk, "a"); got.NextProcessAt.Before(at) || got.NextProcessAt.After(at.Add(time.Second)) {
			t.Errorf("it is worked at %v, want it within a second after %v", got.NextProcessAt, at)
		}
	})
}
