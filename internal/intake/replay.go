package intake

import (
	"context"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// Replay has an order that failed in the given generation tried again, and returns the new generation. The error is
// ledger.ErrStale when the order has moved on. A replayed order is safe even if its task could not be enqueued: a
// worker's reaper makes it another.
func (d *Door) Replay(ctx context.Context, key order.Key, generation int) (int, error) {
	r, err := d.ledger.Replay(ctx, key, generation, ledger.NewNonce())
	if err != nil {
		return 0, err
	}
	if err := d.queue.Enqueue(ctx, r.Lane, r.TaskID, key.Reference()); err != nil {
		d.log.Warn("a replayed order waits for the reaper: its task was not enqueued", "task", r.TaskID, "error", err)
	}
	return r.Generation, nil
}
