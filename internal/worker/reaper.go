package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

const (
	reapInterval = time.Second
	reapAtMost   = 500 // orders of a lane in one step
	// frontOfQueue is how many of the tasks that have waited longest are looked at, so that a few
	// stale ones among them do not hide how far the queue has come.
	frontOfQueue = 16
)

// Reaper gives orders back that nobody works on although their time has come: their worker was
// killed, their task was lost, or their producer died before it could enqueue one. Every worker
// runs one; they need no leader, since the ledger gives an order to one of them only.
type Reaper struct {
	ledger  *ledger.Ledger
	queue   *queue.Client
	pending func(ctx context.Context, lane order.Lane, n int) (queue.Pending, error)
	log     *slog.Logger
}

// NewReaper returns a reaper. pending reads the front of a lane's queue.
func NewReaper(l *ledger.Ledger, q *queue.Client, pending func(context.Context, order.Lane, int) (queue.Pending, error), log *slog.Logger) *Reaper {
	return &Reaper{ledger: l, queue: q, pending: pending, log: log}
}

// Run reaps once a second until the context ends. While Redis is away it waits and carries on.
func (r *Reaper) Run(ctx context.Context) {
	ticker := time.NewTicker(reapInterval)
	defer ticker.Stop()
	for {
		for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
			for n := reapAtMost; n == reapAtMost && ctx.Err() == nil; {
				var err error
				if n, err = r.Reap(ctx, lane); err != nil && ctx.Err() == nil {
					r.log.Warn("lost orders could not be looked for", "lane", lane, "error", err)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
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
	entries := make([]queue.Entry, len(due))
	for i, d := range due {
		entries[i] = queue.Entry{Lane: lane, TaskID: d.TaskID, Payload: d.Key.Reference()}
	}
	for _, err := range r.queue.EnqueueMany(ctx, entries) {
		if err != nil {
			return len(due), err // those that were not enqueued are due again after a grace
		}
	}
	r.log.Info("orders were given back to the queue", "lane", lane, "orders", len(due), "first", due[0].Key.String())
	return len(due), nil
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
