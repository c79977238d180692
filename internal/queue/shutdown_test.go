package queue_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

// single works one task of a lane at a time.
func single() queue.Config {
	c := config()
	c.Concurrency = 1
	return c
}

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		begun, release := make(chan string, 3), make(chan struct{})
		s := b.start(t, single(), func(_ context.Context, task queue.Task) error { begun <- task.ID; <-release; return nil })
		b.enqueue(t, order.Bulk, "a", "b", "c")
		await(t, "the first task", begun)
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown() }()
		select {
		case err := <-ended:
			t.Fatalf("Shutdown did not wait: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		close(release)
		if err := await(t, "Shutdown", ended); err != nil {
			t.Error(err)
		}
		if _, err := b.inspector.GetTaskInfo("test-bulk", "a"); !errors.Is(err, asynq.ErrTaskNotFound) {
			t.Errorf("the task in flight is not done: %v", err)
		}
		for _, id := range []string{"b", "c"} {
			if got := b.info(t, order.Bulk, id); got.State != asynq.TaskStatePending {
				t.Errorf("%s, not begun, is %v", id, got.State)
			}
		}
	})
}

func TestShutdownIsBounded(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := single()
		c.ShutdownTimeout = 50 * time.Millisecond
		begun, release, left := make(chan string, 3), make(chan struct{}), make(chan struct{})
		s := b.start(t, c, func(_ context.Context, task queue.Task) error {
			defer close(left)
			begun <- task.ID
			<-release
			return nil
		})
		b.enqueue(t, order.Bulk, "a")
		await(t, "the task", begun)
		if err := s.Shutdown(); err == nil || !strings.Contains(err.Error(), "1 tasks were still being worked") {
			t.Errorf("Shutdown: %v", err)
		}
		b.awaitScript(t, "requeue")
		if got := b.info(t, order.Bulk, "a"); got.State != asynq.TaskStatePending {
			t.Errorf("the task is %v", got.State)
		}
		close(release)
		await(t, "the handler's end", left)
	})
}

// TestShutdownWaitsForAHandlerWithoutSlot is about asynq giving the slot of a cancelled task away.
func TestShutdownWaitsForAHandlerWithoutSlot(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		begun, release := make(chan string, 3), make(chan struct{})
		var finished atomic.Bool
		s := b.start(t, single(), func(_ context.Context, task queue.Task) error {
			begun <- task.ID
			<-release
			finished.Store(true)
			return nil
		})
		b.enqueueForeign(t, asynq.TaskID("a"), asynq.Timeout(time.Second))
		await(t, "the task", begun)
		b.awaitScript(t, "retry") // given away by asynq's time-out
		time.AfterFunc(100*time.Millisecond, func() { close(release) })
		if err := s.Shutdown(); err != nil || !finished.Load() {
			t.Errorf("Shutdown returned %v with the handler finished: %v", err, finished.Load())
		}
	})
}

// TestFailedAcknowledgementIsTriedAgain: asynq's syncer tries once more at shutdown, with a context that is over.
func TestFailedAcknowledgementIsTriedAgain(t *testing.T) {
	outcomes := map[string]error{
		"done":    nil,
		"retry":   queue.Retry{After: time.Hour, Reason: "later"},
		"archive": queue.Drop{Reason: "never"},
	}
	for script, outcome := range outcomes {
		t.Run(script, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				var failed atomic.Bool
				broke := make(chan struct{})
				b.fail = func(name string) bool {
					if name != script || !failed.CompareAndSwap(false, true) {
						return false
					}
					close(broke)
					return true
				}
				s := b.start(t, single(), func(context.Context, queue.Task) error { return outcome })
				b.enqueue(t, order.Bulk, "a")
				await(t, "the failure", broke)
				if err := s.Shutdown(); err != nil {
					t.Error(err)
				}
				if ids := b.rdb.LRange(context.Background(), "asynq:{test-bulk}:active", 0, -1).Val(); len(ids) != 0 {
					t.Errorf("still active, so it would run again: %v", ids)
				}
			})
		})
	}
}

// TestShutdownIsBoundedWhenRedisFreezes: asynq itself would wait for its commands, retries included.
func TestShutdownIsBoundedWhenRedisFreezes(t *testing.T) {
	t.Parallel()
	p := redistest.StartServer(t)
	b := newBench(t, p.Addr)
	c := single()
	c.ShutdownTimeout = 50 * time.Millisecond
	s := b.start(t, c, func(context.Context, queue.Task) error { return nil })
	b.enqueue(t, order.Bulk, "a")
	b.awaitScript(t, "done")
	syscall.Kill(p.PID, syscall.SIGSTOP)
	begin := time.Now()
	err := s.Shutdown()
	syscall.Kill(p.PID, syscall.SIGCONT)
	if err == nil || !strings.Contains(err.Error(), "no answer from Redis") {
		t.Errorf("Shutdown: %v", err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
	for b.rdb.ZCard(context.Background(), "asynq:servers").Val() > 0 { // asynq's last act, for the check of goroutines
		time.Sleep(5 * time.Millisecond)
	}
}
