package partition

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

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
	if err := l.refresh(ctx, 0); err != nil {
		return ledger.Batch{}, err
	}
	p := l.now.Load()
	if !p.parted() {
		return p.home.OpenBatch(ctx, id, label, again)
	}
	if err := p.open(ctx, id, label, again); err != nil {
		return ledger.Batch{}, err
	}
	b, _, err := l.Batch(ctx, id)
	return b, err
}

func (p *parts) open(ctx context.Context, id, label string, again bool) error {
	return everyone(ctx, p.all, func(ctx context.Context, one *ledger.Ledger) error {
		_, err := one.OpenPart(ctx, id, label, again)
		return err
	})
}

// openParts has a batch be open in all partitions: one that was opened under a former layout is not.
func (l *Ledger) openParts(ctx context.Context, p *parts, id string) error {
	if of, _ := l.batches.Load(id); of == p.Version {
		return nil
	}
	b, found, err := p.home.Batch(ctx, id)
	if err != nil || !found || b.State != ledger.BatchRunning || b.Sealed {
		return err
	}
	if err := p.open(ctx, id, b.Label, false); err != nil {
		return err
	}
	l.batches.Store(id, p.Version)
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

// seal takes a step with the parts, each in its own run, and last at home: what is sealed there is sealed everywhere, and looked at
// until it is over.
func (l *Ledger) seal(ctx context.Context, id string, run int, step func(one *ledger.Ledger, ctx context.Context, run int) error) error {
	if err := l.refresh(ctx, 0); err != nil {
		return err
	}
	p := l.now.Load()
	b, found, err := p.home.Batch(ctx, id)
	if err != nil {
		return err
	}
	if !found || !b.Parted || b.Run != run || l.rdb == nil {
		return step(p.home, ctx, run)
	}
	err = everyone(ctx, p.all[1:], func(ctx context.Context, one *ledger.Ledger) error {
		part, found, err := one.Batch(ctx, id)
		if err != nil || !found {
			return err
		}
		return step(one, ctx, part.Run)
	})
	if err != nil {
		return err
	}
	if err := l.rdb.SAdd(ctx, runningKey(l.namespace), id).Err(); err != nil {
		return fmt.Errorf("partitions: seal batch: %w", err)
	}
	if err := step(p.home, ctx, run); err != nil {
		return err
	}
	return l.closeBatch(ctx, id)
}

// CloseBatches ends the batches whose orders are all in, and of which nothing is open in any partition. Every worker calls it now
// and then; any number may at once.
func (l *Ledger) CloseBatches(ctx context.Context) error {
	if l.rdb == nil || !l.now.Load().parted() {
		return nil
	}
	ids, err := l.rdb.SMembers(ctx, runningKey(l.namespace)).Result()
	if err != nil {
		return fmt.Errorf("partitions: running batches: %w", err)
	}
	var errs []error
	for _, id := range ids {
		errs = append(errs, l.closeBatch(ctx, id))
	}
	return errors.Join(errs...)
}

// notRunning takes a batch that has ended, or is forgotten, out of those that are looked at. One that has begun another run meanwhile
// stays: so it is looked up in the same step.
var notRunning = redis.NewScript(`
if redis.call('HGET', KEYS[2], ARGV[1] .. ' state') ~= 'running' then redis.call('SREM', KEYS[1], ARGV[1]) end
return 1`)

func (l *Ledger) closeBatch(ctx context.Context, id string) error {
	home, found, err := l.Home().Batch(ctx, id)
	if err != nil {
		return err
	}
	if found && home.State == ledger.BatchRunning {
		if !home.Sealed || !home.Parted {
			return nil
		}
		if over, err := l.closeParts(ctx, home); err != nil || !over {
			return err
		}
	}
	keys := []string{runningKey(l.namespace), l.Keys().Batches()}
	if err := notRunning.Run(ctx, l.rdb, keys, id).Err(); err != nil {
		return fmt.Errorf("partitions: close batch: %w", err)
	}
	return nil
}

// closeParts ends a sealed batch if nothing of it is open: its parts first, so that whoever is interrupted is followed by another.
// The layout is read after it was seen to be sealed: of a later one it has no part.
func (l *Ledger) closeParts(ctx context.Context, sum ledger.Batch) (over bool, err error) {
	if err := l.refresh(ctx, 0); err != nil {
		return false, err
	}
	p := l.now.Load()
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
	keys := make([]order.Key, len(orders))
	for i, o := range orders {
		keys[i] = o.Key
	}
	_, _, at, err := l.records(ctx, keys)
	by := map[*ledger.Ledger][]int{}
	for i := range orders {
		if errs[i] = err; err == nil && at[i] != nil {
			by[at[i]] = append(by[at[i]], i)
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

// PruneBatches forgets old batches; see ledger.PruneBatches. A batch is forgotten with all its parts, at home last.
func (l *Ledger) PruneBatches(ctx context.Context) error {
	p := l.now.Load()
	if !p.parted() {
		return p.home.PruneBatches(ctx)
	}
	var errs []error
	for at := len(p.all) - 1; at >= 0; at-- {
		one := p.all[at]
		ids, err := one.OldBatches(ctx)
		errs = append(errs, err)
		for _, id := range ids {
			errs = append(errs, l.prune(ctx, p, one, id))
		}
	}
	return errors.Join(errs...)
}

// prune forgets what one partition has of an old batch, unless the batch lives on: what has no batch at home any more is left of one.
func (l *Ledger) prune(ctx context.Context, p *parts, one *ledger.Ledger, id string) error {
	b, found, err := l.Batch(ctx, id)
	if err != nil || b.Open > 0 || found && one != p.home {
		return err
	}
	if one != p.home {
		return one.PruneBatch(ctx, id)
	}
	if b.Parted {
		for _, part := range p.all[1:] {
			if err := part.PruneBatch(ctx, id); err != nil {
				return err
			}
		}
	}
	l.batches.Delete(id)
	return one.PruneBatch(ctx, id)
}
