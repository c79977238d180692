package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

const (
	reapAtMost = 500 // orders of a lane in one step
	// frontOfQueue is how many of the tasks that have waited longest are looked at, so that a few
	// stale ones among them do not hide how far the queue has come.
	frontOfQueue = 16
)

// Reaper gives orders back that nobody works on although their time has come: their worker was
// killed, their task was lost, or their producer died before it could enqueue one. Every worker
// runs one; they need no leader, since the ledger gives an order to one of them only.
type Reaper struct {
	ledger    *ledger.Ledger
	pulse     *ledger.Pulse
	queue     *queue.Client
	pending   func(ctx context.Context, lane order.Lane, n int) (queue.Pending, error)
	mails     bool
	log       *slog.Logger
	observers []Observer
	beaten    atomic.Int64 // when the last sign of life was given, in nanoseconds since 1970
}

// NewReaper returns a reaper. pending reads the front of a lane's queue.
func NewReaper(l *ledger.Ledger, q *queue.Client, pending func(context.Context, order.Lane, int) (queue.Pending, error), log *slog.Logger, observers ...Observer) *Reaper {
	return &Reaper{ledger: l, pulse: l.Pulse(), queue: q, pending: pending, log: log, observers: observers}
}

// WithMails has the reaper look after emails too, and returns it.
func (r *Reaper) WithMails() *Reaper {
	r.mails = true
	return r
}

// Begin gives the first sign of life. Without it others would count the worker as dead.
func (r *Reaper) Begin(ctx context.Context) error {
	_, err := r.pulse.Beat(ctx)
	r.alive(err)
	return err
}

// End tells the others that the worker holds no order any more. It tries until the context ends: for a second after an outage the
// Redis client may answer by itself that Redis is away.
func (r *Reaper) End(ctx context.Context) error {
	var last error
	_, err := insist(ctx, giveBackFor, func() (struct{}, error) {
		last = r.pulse.End(ctx)
		return struct{}{}, last
	})
	if err != nil {
		return last // says more than that the time is up
	}
	return nil
}

// Run reaps once a second until the context ends. While Redis is away it waits and carries on.
func (r *Reaper) Run(ctx context.Context) {
	ticker := time.NewTicker(ledger.PulseInterval)
	defer ticker.Stop()
	for {
		r.beat(ctx)
		if idle, err := r.ledger.Idle(ctx); err != nil || !idle {
			r.giveBack(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// giveBack gives back all that is lost or was held for long enough.
func (r *Reaper) giveBack(ctx context.Context) {
	r.all(ctx, "held orders could not be given back", r.Unhold)
	for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
		r.all(ctx, "lost orders could not be looked for", func(ctx context.Context) (int, error) { return r.Reap(ctx, lane) })
	}
	if r.mails {
		r.all(ctx, "held emails could not be given back", r.UnholdMail)
		r.all(ctx, "lost emails could not be looked for", func(ctx context.Context) (int, error) { return r.Reap(ctx, ledger.Mailing) })
	}
}

// beat gives a sign of life, and learns who gives none any more.
func (r *Reaper) beat(ctx context.Context) {
	dead, err := r.pulse.Beat(ctx)
	r.alive(err)
	if err != nil && ctx.Err() == nil {
		r.log.Warn("no sign of life could be given", "error", err)
	}
	for _, worker := range dead {
		r.log.Warn("a worker gives no sign of life: its orders go to others", "worker", worker)
	}
}

// all repeats a step that gives orders back until none is left.
func (r *Reaper) all(ctx context.Context, trouble string, step func(context.Context) (int, error)) {
	for ctx.Err() == nil {
		n, err := step(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Warn(trouble, "error", err)
		}
		if err != nil || n < reapAtMost {
			return
		}
	}
}

// Unhold gives back up to 500 orders that breakers held, and returns how many.
func (r *Reaper) Unhold(ctx context.Context) (int, error) {
	due, err := r.ledger.Unhold(ctx, reapAtMost)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	return len(due), r.enqueue(ctx, due)
}

// UnholdMail gives back up to 500 orders whose emails were held, and returns how many.
func (r *Reaper) UnholdMail(ctx context.Context) (int, error) {
	due, err := r.ledger.UnholdMail(ctx, reapAtMost)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	return len(due), r.enqueue(ctx, due)
}

// Reap gives back up to 500 orders of a lane, and returns how many it gave back.
func (r *Reaper) Reap(ctx context.Context, lane order.Lane) (int, error) {
	pending, err := r.pending(ctx, lane, frontOfQueue)
	if err != nil {
		return 0, err
	}
	due, err := r.ledger.Due(ctx, lane, waiting(pending), reapAtMost)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	if err := r.enqueue(ctx, due); err != nil {
		return len(due), err
	}
	for _, o := range r.observers {
		o.Recovered(lane, len(due))
	}
	r.log.Info("orders were given back to the queue", "lane", lane, "orders", len(due), "first", due[0].Key.String())
	return len(due), nil
}

// enqueue makes new tasks. An order whose task could not be made is due again after a grace.
func (r *Reaper) enqueue(ctx context.Context, due []ledger.Due) error {
	entries := make([]queue.Entry, len(due))
	for i, d := range due {
		entries[i] = queue.Entry{Lane: d.Lane, TaskID: d.TaskID, Payload: d.Key.Reference(), Namespace: d.Namespace}
	}
	return errors.Join(r.queue.EnqueueMany(ctx, entries)...)
}

func waiting(p queue.Pending) ledger.Waiting {
	w := ledger.Waiting{Empty: p.Empty, Since: p.OldestSince}
	for _, id := range p.TaskIDs {
		if key, ok := ledger.KeyOfTask(id); ok {
			w.Oldest = append(w.Oldest, key)
		}
	}
	return w
}
