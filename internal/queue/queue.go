// Package queue runs the project's tasks on asynq and keeps asynq's traps away from everybody else.
//
// It knows asynq: tasks, servers, the schedule of retries. It does not know what a task is about: not the gateway,
// not an order's content, not the ledger. A queue only says when to work; a task may be lost, doubled or run by two
// workers at once, and its handler has to be right all the same.
package queue

import (
	"context"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
)

// The types of tasks.
const (
	TypeGenerate = "link:generate" // asks for an order's link
	TypeEmail    = "link:email"    // sends a link to the customer
)

// Email is the lane of the queue of emails.
const Email order.Lane = "email"

func typeOf(lane order.Lane) string {
	if lane == Email {
		return TypeEmail
	}
	return TypeGenerate
}

// DefaultNamespace is the namespace of an installation that set no other.
const DefaultNamespace = "hpp"

// Name returns the name of a lane's asynq queue, as "hpp-interactive".
func Name(namespace string, lane order.Lane) string { return namespace + "-" + string(lane) }

// traceHeader is the header of a task that carries a W3C trace context, as OpenTelemetry's propagators write it.
const traceHeader = "traceparent"

// Task is what a handler sees of a task.
type Task struct {
	ID      string
	Type    string
	Payload []byte
	Lane    order.Lane
	Retried int    // failures counted so far; a Retry is not counted
	Trace   string // the W3C traceparent among its headers, whatever it is worth; "" for none
}

// Handler works one task. It bounds itself: ctx carries asynq's values but neither deadline nor cancellation.
//
// It returns nil when the task is done, a Retry to see it again later, or a Drop to put it away for good. Any other
// error, and a panic, is a failure: counted, and retried by Schedule.
type Handler func(ctx context.Context, t Task) error

// Retry is returned by a handler to have its task again after a time. It is no failure: asynq counts no retry.
type Retry struct {
	After  time.Duration // at least; asynq keeps whole seconds, and looks once per Config.DelayedInterval
	Reason string        // shown in the dashboard, so without personal data
}

func (r Retry) Error() string { return r.Reason }

// Drop is returned by a handler to put its task into asynq's archive, with an error in the log. The archive forgets:
// whatever must not be lost is kept elsewhere.
type Drop struct {
	Reason string // shown in the dashboard, so without personal data
}

func (d Drop) Error() string { return d.Reason }

// Unwrap makes asynq archive the task.
func (d Drop) Unwrap() error { return asynq.SkipRetry }
