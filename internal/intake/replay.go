package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// EnqueueAgain enqueues another task for an order that an attempt put back, to be worked after a while. The order is safe
// even if that does not succeed: a reaper makes it another task.
func (d *Door) EnqueueAgain(ctx context.Context, a ledger.Attempt, in time.Duration) {
	id := ledger.TaskID(a.Key, fmt.Sprintf("%d.%d.again", a.Generation, a.Number))
	errs := d.queue.EnqueueMany(ctx, []queue.Entry{{Lane: a.Lane, TaskID: id, Payload: a.Key.Reference(), In: in, Namespace: a.Namespace}})
	if errs[0] != nil {
		d.log.Warn("an order that was put back waits for the reaper: its task was not enqueued", "task", id, "error", errs[0])
	}
}

// Replay has an order that failed in the given generation tried again, and returns the new generation. The error is
// ledger.ErrStale when the order has moved on. A replayed order is safe even if its task could not be enqueued: a
// worker's reaper makes it another.
func (d *Door) Replay(ctx context.Context, key order.Key, generation int) (int, error) {
	r, err := d.ledger.Replay(ctx, key, generation, ledger.NewNonce())
	if err != nil {
		return 0, err
	}
	errs := d.queue.EnqueueMany(ctx, []queue.Entry{{Lane: r.Lane, TaskID: r.TaskID, Payload: key.Reference(), Namespace: r.Namespace}})
	if err := errs[0]; err != nil {
		d.log.Warn("a replayed order waits for the reaper: its task was not enqueued", "task", r.TaskID, "error", err)
	}
	return r.Generation, nil
}
