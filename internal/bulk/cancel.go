package bulk

import (
	"context"
	"errors"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// Cancel gives a batch up: no more orders come in, and those that were never sent to the gateway fail. It leaves alone what
// is settled, what is under way or was tried before, so that a link may exist, and what is in another batch as well. It
// returns how many are ended so, by an earlier call too, and the batch as it stands then. It is safe to repeat.
func (d *Desk) Cancel(ctx context.Context, id string) (cancelled int, b ledger.Batch, err error) {
	if b, err = d.Batch(ctx, id); err != nil {
		return 0, b, err
	}
	if err := d.Ledger.CancelBatch(ctx, id, b.Run); err != nil {
		return 0, b, err
	}
	err = d.orderPages(ctx, id, func(keys []order.Key) error {
		n, err := d.cancel(ctx, id, keys)
		cancelled += n
		return err
	})
	b, lost := d.Batch(context.WithoutCancel(ctx), id)
	return cancelled, b, errors.Join(err, lost)
}

func (d *Desk) cancel(ctx context.Context, id string, keys []order.Key) (cancelled int, err error) {
	payloads, err := d.Ledger.Payloads(ctx, keys)
	if err != nil {
		return 0, err
	}
	var orders []ledger.Cancellation
	for i, key := range keys {
		if payloads[i] == nil {
			continue // settled for good
		}
		c := ledger.Cancellation{Key: key}
		if o, err := order.Decode(payloads[i]); err == nil {
			c.Metadata = o.Metadata
		}
		orders = append(orders, c)
	}
	done, errs := d.Ledger.CancelAll(ctx, id, orders)
	for _, yes := range done {
		if yes {
			cancelled++
		}
	}
	return cancelled, errors.Join(errs...)
}
