package partition

import (
	"context"
	"fmt"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// A batch of a namespace with several partitions has a part in each, which counts the orders there. What is said about it as a whole
// is at home, where it also ends: CloseBatches looks for that, since no script sees all parts.

func runningKey(namespace string) string { return "{" + namespace + "}:batches:running" }

// parted reports whether batches have parts.
func (p *parts) parted() bool { return len(p.all) > 1 }

// OpenBatch begins a batch, or opens one again; see ledger.OpenBatch.
func (l *Ledger) OpenBatch(ctx context.Context, id, label string, again bool) (ledger.Batch, error) {
	p := l.now.Load()
	if !p.parted() {
		return p.home.OpenBatch(ctx, id, label, again)
	}
	if err := l.rdb.SAdd(ctx, runningKey(l.namespace), id).Err(); err != nil {
		return ledger.Batch{}, fmt.Errorf("partitions: open batch: %w", err)
	}
	err := l.everywhere(ctx, func(ctx context.Context, one *ledger.Ledger) error {
		_, err := one.OpenPart(ctx, id, label, again)
		return err
	})
	if err != nil {
		return ledger.Batch{}, err
	}
	b, _, err := l.Batch(ctx, id)
	return b, err
}

// openParts has the batches of orders be open in all partitions: one that was opened under a former layout is not.
func (l *Ledger) openParts(ctx context.Context, p *parts, submissions []ledger.Submission, which []int) error {
	if !p.parted() {
		return nil
	}
	for _, i := range which {
		id := submissions[i].Batch
		if id == "" {
			continue
		}
		if of, _ := l.batches.Load(id); of == p {
			continue
		}
		b, found, err := p.home.Batch(ctx, id)
		if err == nil && found && b.State == ledger.BatchRunning && !b.Sealed {
			_, err = l.OpenBatch(ctx, id, b.Label, false)
		}
		if err != nil {
			return err
		}
		l.batches.Store(id, p)
	}
	return nil
}

// SealBatch says that all orders of a batch's run are in; see ledger.SealBatch.
func (l *Ledger) SealBatch(ctx context.Context, id string, run, refused int) error {
	return l.seal(ctx, id, run, func(one *ledger.Ledger, ctx context.Context, run int) error {
		if one != l.Home() {
			return one.SealBatch(ctx, id, run, 0)
		}
		return one.SealBatch(ctx, id, run, refused)
	})
}

// CancelBatch gives a batch's run up; see ledger.CancelBatch.
func (l *Ledger) CancelBatch(ctx context.Context, id string, run int) error {
	return l.seal(ctx, id, run, func(one *ledger.Ledger, ctx context.Context, run int) error { return one.CancelBatch(ctx, id, run) })
}

// seal takes a step with the parts, each in its own run, and last at home: what is sealed there is sealed everywhere.
func (l *Ledger) seal(ctx context.Context, id string, run int, step func(one *ledger.Ledger, ctx context.Context, run int) error) error {
	p := l.now.Load()
	b, found, err := p.home.Batch(ctx, id)
	if err != nil {
		return err
	}
	if !found || !b.Parted {
		return step(p.home, ctx, run)
	}
	for _, one := range p.all[1:] {
		part, found, err := one.Batch(ctx, id)
		if err == nil && found {
			err = step(one, ctx, part.Run)
		}
		if err != nil {
			return err
		}
	}
	if err := step(p.home, ctx, run); err != nil {
		return err
	}
	return l.closeBatch(ctx, p, id)
}

// CloseBatches ends the batches whose orders are all in, and of which nothing is open in any partition. Every worker calls it now
// and then; any number may at once.
func (l *Ledger) CloseBatches(ctx context.Context) error {
	p := l.now.Load()
	if !p.parted() {
		return nil
	}
	ids, err := l.rdb.SMembers(ctx, runningKey(l.namespace)).Result()
	if err != nil {
		return fmt.Errorf("partitions: running batches: %w", err)
	}
	for _, id := range ids {
		if err := l.closeBatch(ctx, p, id); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) closeBatch(ctx context.Context, p *parts, id string) error {
	home, found, err := p.home.Batch(ctx, id)
	if err != nil || found && (home.State == ledger.BatchRunning && !home.Sealed) {
		return err
	}
	if found && home.State == ledger.BatchRunning && home.Parted {
		if over, err := l.closeParts(ctx, p, home); err != nil || !over {
			return err
		}
	}
	if err := l.rdb.SRem(ctx, runningKey(l.namespace), id).Err(); err != nil {
		return fmt.Errorf("partitions: close batch: %w", err)
	}
	return nil
}

// closeParts ends a sealed batch if nothing of it is open: its parts first, so that whoever is interrupted is followed by another.
func (l *Ledger) closeParts(ctx context.Context, p *parts, sum ledger.Batch) (over bool, err error) {
	list := make([]ledger.Batch, len(p.all))
	for i, one := range p.all[1:] {
		part, _, err := one.Batch(ctx, sum.ID)
		if err != nil {
			return false, err
		}
		list[i+1] = part
		sum = plus(sum, part)
	}
	if sum.Open > 0 {
		return false, nil
	}
	for i, one := range p.all[1:] {
		part := list[i+1]
		if part.State != ledger.BatchRunning {
			continue
		}
		if err := one.CloseBatch(ctx, ledger.Batch{ID: sum.ID, Run: part.Run}, false); err != nil {
			return false, err
		}
	}
	return true, p.home.CloseBatch(ctx, sum, true)
}

func plus(sum, part ledger.Batch) ledger.Batch {
	sum.Orders, sum.Open = sum.Orders+part.Orders, sum.Open+part.Open
	sum.Issued, sum.Failed = sum.Issued+part.Issued, sum.Failed+part.Failed
	return sum
}

// Batch returns a batch with the counts of all its parts, or false when there is none of that id.
func (l *Ledger) Batch(ctx context.Context, id string) (ledger.Batch, bool, error) {
	b, found, err := l.Home().Batch(ctx, id)
	if err != nil || !found {
		return b, found, err
	}
	b, err = l.whole(ctx, b)
	return b, true, err
}

func (l *Ledger) whole(ctx context.Context, b ledger.Batch) (ledger.Batch, error) {
	if !b.Parted {
		return b, nil
	}
	all, err := each(ctx, l, func(ctx context.Context, one *ledger.Ledger) (ledger.Batch, error) {
		part, _, err := one.Batch(ctx, b.ID)
		return part, err
	})
	if err != nil {
		return b, err
	}
	for _, part := range all[1:] {
		b = plus(b, part)
	}
	return b, nil
}

// Batches returns up to n batches, the one opened last first.
func (l *Ledger) Batches(ctx context.Context, n int) ([]ledger.Batch, error) {
	all, err := l.Home().Batches(ctx, n)
	for i := 0; err == nil && i < len(all); i++ {
		all[i], err = l.whole(ctx, all[i])
	}
	return all, err
}

// BatchOrders returns up to n orders of a batch from a place counted from 0: those of one partition after those of another, each in
// the order in which they came in.
func (l *Ledger) BatchOrders(ctx context.Context, id string, from, n int) ([]order.Key, error) {
	p := l.now.Load()
	if !p.parted() {
		return p.home.BatchOrders(ctx, id, from, n)
	}
	var keys []order.Key
	for _, one := range p.all {
		part, _, err := one.Batch(ctx, id)
		if err != nil {
			return nil, err
		}
		if from >= part.Orders {
			from -= part.Orders
			continue
		}
		more, err := one.BatchOrders(ctx, id, from, n-len(keys))
		if err != nil {
			return nil, err
		}
		keys, from = append(keys, more...), 0
		if len(keys) == n {
			break
		}
	}
	return keys, nil
}

// CancelAll fails those of a batch's orders that were never sent; see ledger.CancelAll.
func (l *Ledger) CancelAll(ctx context.Context, batch string, orders []ledger.Cancellation) ([]bool, []error) {
	cancelled, errs := make([]bool, len(orders)), make([]error, len(orders))
	by := map[*ledger.Ledger][]int{}
	for i, o := range orders {
		one, err := l.where(ctx, o.Key)
		if errs[i] = err; err == nil {
			by[one] = append(by[one], i)
		}
	}
	for one, which := range by {
		done, late := one.CancelAll(ctx, batch, pick(orders, which))
		for at, i := range which {
			cancelled[i], errs[i] = done[at], late[at]
		}
	}
	return cancelled, errs
}

// PruneBatches forgets old batches; see ledger.PruneBatches.
func (l *Ledger) PruneBatches(ctx context.Context) error {
	return l.everywhere(ctx, func(ctx context.Context, one *ledger.Ledger) error { return one.PruneBatches(ctx) })
}
