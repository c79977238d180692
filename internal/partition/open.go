package partition

import (
	"context"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// EachOpen calls f with the open orders of all partitions; see ledger.EachOpen.
func (l *Ledger) EachOpen(ctx context.Context, f func([]ledger.OpenOrder) error) error {
	for _, one := range l.All() {
		if err := one.EachOpen(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// End fails an open order by hand; see ledger.End.
func (l *Ledger) End(ctx context.Context, key order.Key, generation int, e ledger.Ending) error {
	one, err := l.where(ctx, key)
	if err != nil {
		return err
	}
	return one.End(ctx, key, generation, e)
}
