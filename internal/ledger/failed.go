package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/hpplink/hpplink/internal/order"
)

// ErrStale means that the order is no longer in the generation that was named, or not failed.
var ErrStale = errors.New("the order has moved on since it was looked at")

// Replayed is a new generation of a failed order.
type Replayed struct {
	Generation int
	Lane       order.Lane
	TaskID     string // the id to enqueue its task under
	Namespace  string // of the queue
}

// Replay opens a new generation of an order that failed in the given one, with the content
// that was kept. nonce makes it repeatable; see NewNonce. The error is ErrStale when the
// order has moved on.
func (l *Ledger) Replay(ctx context.Context, key order.Key, generation int, nonce string) (Replayed, error) {
	r, err := l.run(ctx, "replay", l.scripts.replay, l.ofOrder(key, generation, nonce))
	if err != nil {
		return Replayed{}, err
	}
	if r.word != "accepted" {
		return Replayed{}, fmt.Errorf("ledger: replay %s: %w", key, ErrStale)
	}
	return Replayed{
		Generation: number(r.values["gen"]),
		Lane:       order.Lane(r.values["lane"]),
		TaskID:     TaskID(key, r.values["task"]),
		Namespace:  l.namespace,
	}, nil
}

// Discard gives up a failed order for good. What it held is dropped; what became of it is
// remembered for the retention. The error is ErrStale when the order has moved on.
func (l *Ledger) Discard(ctx context.Context, key order.Key, generation int) error {
	r, err := l.run(ctx, "discard", l.scripts.discard, l.ofOrder(key, generation, l.retention.Milliseconds()))
	if err != nil {
		return err
	}
	if r.word != "discarded" {
		return fmt.Errorf("ledger: discard %s: %w", key, ErrStale)
	}
	return nil
}
