package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/killpoint"
	"github.com/hpplink/hpplink/internal/order"
)

// process runs the handler for one task of asynq's.
func (s *Servers) process(ctx context.Context, lane order.Lane, t *asynq.Task) error {
	if !s.inFlight.begin() {
		return Retry{Reason: "not begun: shutting down"}
	}
	defer s.inFlight.end()
	id, _ := asynq.GetTaskID(ctx)
	retried, _ := asynq.GetRetryCount(ctx)
	task := Task{ID: id, Type: t.Type(), Payload: t.Payload(), Lane: lane, Retried: retried, Trace: t.Headers()[traceHeader]}
	// asynq's deadline, cancellation and lost lease only make it give the slot away; they must not end a call of
	// ours half-way (processor.go).
	err := s.settled(context.WithoutCancel(ctx), task)
	s.tell(ctx, task, err)
	killpoint.At(killpoint.BeforeAck)
	return err
}

// settled calls the handler, for the one type of task that the lane has, and returns an error that asynq can ask for its text without a panic: it does so on a
// goroutine where a panic ends the process.
func (s *Servers) settled(ctx context.Context, t Task) (err error) {
	defer func() {
		if x := recover(); x != nil {
			s.config.Log.Error("the handler of a task panicked", "task", t.ID, "type", t.Type,
				"panic", fmt.Sprint(x), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	if t.Type != typeOf(t.Lane) { // nobody said that it is an order
		return Drop{Reason: "no task of this type is known here"}
	}
	err = s.handler(ctx, t)
	if err == nil {
		return nil
	}
	if r, ok := asRetry(err); ok {
		return r
	}
	var drop Drop
	if errors.As(err, &drop) {
		return drop
	}
	return errors.New(err.Error())
}

// errPanicked counts as a failure, unlike a Retry, so that the waits between the runs of a handler that always
// panics grow. Its text goes to the dashboard; the details are in the log only.
var errPanicked = errors.New("the handler panicked: see the worker's log")

// tell logs what would else be missed: tasks that go to the archive.
//
// At its last retry asynq archives a task before it asks whether the error is a failure (handleFailedMessage in
// processor.go), so even a Retry ends there. Our own tasks have no last retry. Those of others may: MaxRetry(0) means
// "once" to their producer. That is fine, since whoever still owes work makes a new task.
func (s *Servers) tell(ctx context.Context, t Task, err error) {
	var drop Drop
	if errors.As(err, &drop) {
		s.config.Log.Error("a task was dropped to the archive", "task", t.ID, "type", t.Type, "reason", drop.Reason)
		return
	}
	if limit, ok := asynq.GetMaxRetry(ctx); ok && err != nil && t.Retried >= limit {
		s.config.Log.Info("a task was at its last retry and went to the archive", "task", t.ID, "type", t.Type,
			"max_retry", limit, "reason", err.Error())
	}
}

func asRetry(err error) (Retry, bool) {
	var r Retry
	ok := errors.As(err, &r)
	return r, ok
}

// isFailure is asynq's: what is no failure is not counted against a task's retries. A lost lease and a cancelled
// task say nothing about the task.
func isFailure(err error) bool {
	if _, ok := asRetry(err); ok {
		return false
	}
	return !errors.Is(err, asynq.ErrLeaseExpired) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// retryDelay and report are called by asynq where a panic ends the process, so they guard themselves.

func (s *Servers) retryDelay(retried int, err error, _ *asynq.Task) (d time.Duration) {
	defer func() {
		if x := recover(); x != nil {
			s.config.Log.Error("no delay for a retry", "panic", fmt.Sprint(x))
			d = lastInterval
		}
	}()
	return delay(retried, err)
}

// report is asynq's ErrorHandler. It also hears of what never reached process: a slot given away.
func (s *Servers) report(ctx context.Context, t *asynq.Task, err error) {
	freeSlot(ctx)
	defer func() {
		if x := recover(); x != nil {
			s.config.Log.Error("an error was not reported", "panic", fmt.Sprint(x))
		}
	}()
	id, _ := asynq.GetTaskID(ctx)
	if ctx.Err() != nil || errors.Is(err, asynq.ErrLeaseExpired) {
		s.config.Log.Warn("asynq gave up waiting for a handler, which runs on", "task", id, "type", t.Type(), "error", err)
		return
	}
	s.config.Log.Debug("a task comes again", "task", id, "type", t.Type(), "error", err)
}
