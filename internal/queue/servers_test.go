package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestTaskIsHandled(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		seen := make(chan queue.Task, 2)
		b.serve(t, config(), func(_ context.Context, task queue.Task) error { seen <- task; return nil })
		for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
			b.enqueue(t, lane, "x-"+string(lane))
			got := await(t, "a task", seen)
			if got.ID != "x-"+string(lane) || got.Type != queue.TypeGenerate || got.Lane != lane || got.Retried != 0 ||
				string(got.Payload) != `{"id":"`+got.ID+`"}` {
				t.Errorf("handled %+v", got)
			}
			b.awaitScript(t, "done")
			if _, err := b.inspector.GetTaskInfo(queue.Name(ns, lane), got.ID); !errors.Is(err, asynq.ErrTaskNotFound) {
				t.Errorf("a task that is done leaves something: %v", err)
			}
		}
	})
}

func TestHandlerContextIsDetachedFromAsynq(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		seen := make(chan error, 1)
		b.serve(t, config(), func(ctx context.Context, _ queue.Task) error {
			_, bounded := ctx.Deadline()
			if id, _ := asynq.GetTaskID(ctx); id != "foreign" || bounded || ctx.Done() != nil {
				seen <- fmt.Errorf("id %q, bounded %v", id, bounded)
			}
			seen <- nil
			return nil
		})
		b.enqueueForeign(t, asynq.TaskID("foreign"), asynq.Timeout(time.Minute))
		if err := await(t, "the handler", seen); err != nil {
			t.Error(err)
		}
	})
}

// enqueueForeign enqueues as a producer with a plain asynq client does.
func (b *bench) enqueueForeign(t *testing.T, opts ...asynq.Option) {
	t.Helper()
	client := asynq.NewClient(b.tap)
	defer client.Close()
	opts = append(opts, asynq.Queue(queue.Name(ns, order.Interactive)))
	if _, err := client.Enqueue(asynq.NewTask(queue.TypeGenerate, []byte("{}")), opts...); err != nil {
		t.Fatal(err)
	}
}

func TestRetryKeepsItsDelayAndIsNotCounted(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		begin := time.Now()
		b.serve(t, config(), func(context.Context, queue.Task) error {
			return fmt.Errorf("wrapped: %w", queue.Retry{After: time.Hour, Reason: "the breaker is open"})
		})
		b.enqueue(t, order.Interactive, "a")
		b.awaitScript(t, "retry")
		got := b.info(t, order.Interactive, "a")
		if got.State != asynq.TaskStateRetry || got.Retried != 0 || got.LastErr != "the breaker is open" {
			t.Errorf("got %+v", got)
		}
		if early, late := begin.Add(time.Hour), time.Now().Add(time.Hour+time.Second); got.NextProcessAt.Before(early) || got.NextProcessAt.After(late) {
			t.Errorf("comes at %v, want between %v and %v", got.NextProcessAt, early, late)
		}
	})
}

func TestManyRetriesNeverArchive(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		runs := 0
		b.serve(t, config(), func(_ context.Context, task queue.Task) error {
			if runs++; runs <= 60 { // more than asynq's own limit of 25
				return queue.Retry{Reason: "not yet"}
			}
			return nil
		})
		b.enqueue(t, order.Interactive, "a")
		b.awaitScript(t, "done")
		if runs != 61 {
			t.Errorf("%d runs", runs)
		}
	})
}

func TestFailureIsCounted(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.serve(t, config(), func(context.Context, queue.Task) error { return errors.New("broken") })
		b.enqueue(t, order.Bulk, "a")
		b.awaitScript(t, "retry")
		if got := b.info(t, order.Bulk, "a"); got.Retried == 0 || got.LastErr != "broken" {
			t.Errorf("got %+v", got)
		}
	})
}

// nilError is an error value that panics when asked for its text, which asynq does where nobody recovers.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestPanicsAreFailures(t *testing.T) {
	handlers := map[string]queue.Handler{
		"handler":          func(context.Context, queue.Task) error { panic("boom") },
		"error's text":     func(context.Context, queue.Task) error { return (*nilError)(nil) },
		"nil dereferenced": func(context.Context, queue.Task) error { var task *queue.Task; _ = task.ID; return nil },
	}
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				var log syncBuffer
				c := config()
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
				b.serve(t, c, h)
				b.enqueue(t, order.Interactive, "a")
				b.awaitScript(t, "retry")
				if got := b.info(t, order.Interactive, "a"); got.Retried == 0 || strings.Contains(got.LastErr, "boom") {
					t.Errorf("got %+v", got)
				}
				if !strings.Contains(log.String(), "servers_test.go") {
					t.Errorf("no stack in the log: %s", log.String())
				}
			})
		})
	}
}

func TestDropArchivesLoudly(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var log syncBuffer
		c := config()
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		b.serve(t, c, func(context.Context, queue.Task) error { return queue.Drop{Reason: "unreadable payload"} })
		b.enqueue(t, order.Interactive, "a")
		b.awaitScript(t, "archive")
		if got := b.info(t, order.Interactive, "a"); got.State != asynq.TaskStateArchived || got.LastErr != "unreadable payload" {
			t.Errorf("got %+v", got)
		}
		if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "unreadable payload") {
			t.Errorf("log: %s", text)
		}
	})
}

// TestRegressionTasksOfOtherTypesAreDropped: a task of any type was once worked as an order.
func TestRegressionTasksOfOtherTypesAreDropped(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var log syncBuffer
		c := config()
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		b.serve(t, c, func(_ context.Context, task queue.Task) error { t.Errorf("handled %+v", task); return nil })
		client := asynq.NewClient(b.tap)
		defer client.Close()
		task := asynq.NewTask("link:other", []byte(`{"merchant_id":"M-1"}`))
		if _, err := client.Enqueue(task, asynq.Queue(queue.Name(ns, order.Bulk)), asynq.TaskID("a")); err != nil {
			t.Fatal(err)
		}
		b.awaitScript(t, "archive")
		if got := b.info(t, order.Bulk, "a"); got.State != asynq.TaskStateArchived || !strings.Contains(got.LastErr, "type") {
			t.Errorf("got %+v", got)
		}
		if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "link:other") {
			t.Errorf("log: %s", text)
		}
	})
}

func TestForeignTaskAtItsLastRetryIsArchived(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var log syncBuffer
		c := config()
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		b.serve(t, c, func(context.Context, queue.Task) error { return queue.Retry{After: time.Hour, Reason: "busy"} })
		b.enqueueForeign(t, asynq.MaxRetry(0))
		b.awaitScript(t, "archive")
		if !strings.Contains(log.String(), "level=INFO msg=\"a task was at its last retry") {
			t.Errorf("log: %s", log.String())
		}
	})
}

func TestLanesHaveHandlersOfTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		c := config()
		c.Concurrency = 3
		begun, release := make(chan string, 10), make(chan struct{})
		b.serve(t, c, func(_ context.Context, task queue.Task) error { begun <- task.ID; <-release; return nil })
		b.enqueue(t, order.Bulk, "a", "b", "c", "d", "e")
		got := []string{await(t, "1st", begun), await(t, "2nd", begun), await(t, "3rd", begun)}
		slices.Sort(got)
		if !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("begun: %v", got)
		}
		b.enqueue(t, order.Interactive, "urgent") // not held up by busy bulk handlers
		if id := await(t, "an interactive task", begun); id != "urgent" {
			t.Errorf("with three handlers busy %s begins", id)
		}
		servers, err := b.inspector.Servers()
		if err != nil || len(servers) != 2 {
			t.Errorf("%d servers, %v", len(servers), err)
		}
		close(release)
		await(t, "d or e", begun)
		await(t, "d or e", begun)
	})
}

func TestStartWithoutRedis(t *testing.T) {
	p := redistest.StartServer(t)
	b := newBench(t, p.Addr)
	p.Kill()
	s := queue.NewServers(b.tap, config(), func(context.Context, queue.Task) error { return nil })
	if err := s.Start(context.Background()); err == nil {
		t.Error("started without Redis")
	}
}

// TestQueuesAreRegisteredAgainAfterAWipe waits for a beat of five seconds, beside other tests on a Redis of its own.
func TestQueuesAreRegisteredAgainAfterAWipe(t *testing.T) {
	t.Parallel()
	b := newBench(t, redistest.Mini(t).Addr())
	b.serve(t, config(), func(context.Context, queue.Task) error { return nil })
	b.enqueue(t, order.Bulk, "a")
	b.awaitScript(t, "done")
	b.rdb.FlushAll(context.Background())
	b.enqueue(t, order.Bulk, "b")
	b.awaitScript(t, "done")
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got, err := b.inspector.Queues(); err == nil && len(got) == 2 {
			return
		}
	}
	t.Error("the inspector does not see the queues again")
}

func TestAsynqsTalkIsDebug(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for level, talks := range map[slog.Level]bool{slog.LevelInfo: false, slog.LevelDebug: true} {
			var log syncBuffer
			c := config()
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
			if err := b.start(t, c, func(context.Context, queue.Task) error { return nil }).Shutdown(); err != nil {
				t.Error(err)
			}
			if got := log.String() != ""; got != talks {
				t.Errorf("at %v: %s", level, log.String())
			}
		}
	})
}

// syncBuffer is a buffer that a logger writes while the test reads.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}
