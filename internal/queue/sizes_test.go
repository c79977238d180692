package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// TestSizes holds the sizes against those of asynq's own inspector, with a task in every state.
func TestSizes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		begun, release := make(chan string, 10), make(chan struct{})
		c := config()
		c.Lanes, c.Concurrency = []order.Lane{order.Bulk}, 1
		s := b.start(t, c, func(_ context.Context, task queue.Task) error {
			switch task.ID {
			case "drop":
				return queue.Drop{Reason: "test"}
			case "again":
				return queue.Retry{After: time.Hour}
			}
			begun <- task.ID
			<-release
			return nil
		})
		defer s.Shutdown()
		defer close(release)
		b.enqueue(t, order.Bulk, "drop", "again", "active", "waits", "waits-too")
		await(t, "the task that stays", begun)
		inspector := asynq.NewInspectorFromRedisClient(b.rdb)
		if err := inspector.PauseQueue("test-interactive"); err != nil {
			t.Fatal(err)
		}

		later := time.Now().Add(time.Minute)
		all, err := queue.Sizes(context.Background(), b.rdb, ns, []order.Lane{order.Bulk, order.Interactive}, later)
		if err != nil {
			t.Fatal(err)
		}
		got := all[order.Bulk]
		if got.Latency < time.Minute-time.Second || got.Latency > time.Minute+10*time.Second {
			t.Errorf("latency %v a minute later", got.Latency)
		}
		got.Latency = 0
		if want := (queue.Size{Pending: 2, Active: 1, Retry: 1, Archived: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		info, err := inspector.GetQueueInfo("test-bulk")
		if err != nil {
			t.Fatal(err)
		}
		told := queue.Size{
			Pending: info.Pending, Active: info.Active, Scheduled: info.Scheduled, Retry: info.Retry,
			Archived: info.Archived, Completed: info.Completed, Paused: info.Paused,
		}
		if told != got {
			t.Errorf("asynq says %+v, we say %+v", told, got)
		}
		if all[order.Interactive] != (queue.Size{Paused: true}) {
			t.Errorf("an empty queue that is paused: %+v", all[order.Interactive])
		}
	})
}
