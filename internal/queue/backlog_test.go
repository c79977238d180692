package queue_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

func (b *bench) backlog(t *testing.T, n int) queue.Pending {
	t.Helper()
	p, err := queue.Backlog(context.Background(), b.rdb, ns, order.Bulk, n)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBacklog(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		if p := b.backlog(t, 3); !p.Empty || p.TaskIDs != nil || !p.OldestSince.IsZero() {
			t.Errorf("of nothing: %+v", p)
		}
		before := time.Now()
		b.enqueue(t, order.Bulk, "a")
		after := time.Now()
		b.enqueue(t, order.Bulk, "b", "c", "d")
		b.enqueue(t, order.Interactive, "other")
		p := b.backlog(t, 3)
		if p.Empty || !slices.Equal(p.TaskIDs, []string{"a", "b", "c"}) {
			t.Errorf("got %+v", p)
		}
		if p.OldestSince.Before(before) || p.OldestSince.After(after) {
			t.Errorf("oldest since %v, enqueued at %v", p.OldestSince, before)
		}
		if p := b.backlog(t, 0); len(p.TaskIDs) != 1 {
			t.Errorf("n of 0 gives %+v", p)
		}
		if p := b.backlog(t, 100); len(p.TaskIDs) != 4 {
			t.Errorf("n of 100 gives %+v", p)
		}
	})
}

func TestBacklogOfTasksHandedBack(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := single()
		c.ShutdownTimeout = 20 * time.Millisecond
		begun, release, left := make(chan string, 1), make(chan struct{}), make(chan struct{})
		s := b.start(t, c, func(_ context.Context, task queue.Task) error {
			defer close(left)
			begun <- task.ID
			<-release
			return nil
		})
		b.enqueue(t, order.Bulk, "a", "b")
		await(t, "the first", begun)
		s.Shutdown()
		close(release)
		await(t, "the handler's end", left)
		p := b.backlog(t, 5)
		if !slices.Equal(p.TaskIDs, []string{"a", "b"}) || p.OldestSince.IsZero() {
			t.Errorf("got %+v", p)
		}
	})
}

func TestBacklogLeavesOutTasksJustTaken(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.enqueue(t, order.Bulk, "a", "b")
		b.rdb.HSet(context.Background(), "asynq:{test-bulk}:t:a", "state", "active")
		if p := b.backlog(t, 1); p.Empty || len(p.TaskIDs) != 0 {
			t.Errorf("got %+v", p)
		}
		if p := b.backlog(t, 2); !slices.Equal(p.TaskIDs, []string{"b"}) {
			t.Errorf("got %+v", p)
		}
	})
}
