package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/results"
)

// PartitionsError refuses a number of partitions that is not the stored one.
type PartitionsError struct {
	Namespace   string
	Has, Wanted int
}

func (e *PartitionsError) Error() string {
	return fmt.Sprintf("--partitions / HPPLINK_PARTITIONS is %d, and the orders of namespace %s are spread over %d: set it to %d or leave it out; "+
		"or have new orders go to %d from now on, with 'hpplink partitions set %d'", e.Wanted, e.Namespace, e.Has, e.Has, e.Wanted, e.Wanted)
}

// Partition has a namespace that was not used yet have n partitions, and refuses a number that one in use does not have, as a
// *PartitionsError. Call it before anything is opened or started.
func (b *Base) Partition(ctx context.Context, n int) error {
	if err := partition.Begin(ctx, b.Redis.Client(), b.Namespace, n); err != nil {
		if errors.Is(err, partition.ErrInUse) {
			stored, err := partition.Look(ctx, b.Redis.Client(), b.Namespace) // somebody may have been faster
			if err != nil {
				return err
			}
			return &PartitionsError{b.Namespace, stored.Partitions, n}
		}
		return err
	}
	return b.openLedger(ctx)
}

// openLedger opens the ledger, and the reader of its results, by the layout that is stored.
func (b *Base) openLedger(ctx context.Context) (err error) {
	if b.Ledger, err = partition.Open(ctx, b.Redis.Client(), b.Namespace, b.retention); err != nil {
		return err
	}
	b.Results = results.NewReader(b.Redis.Client(), b.Ledger.Streams()...)
	return nil
}
