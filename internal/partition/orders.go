package partition

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// ErrMoving means that orders could not be taken in, since the number of partitions is being changed. Send them again.
var ErrMoving = errors.New("the number of partitions is being changed: send it again")

// AcceptAll takes orders in, each by its partition; see ledger.AcceptAll. One that a former partition knows stays there. Each
// partition has its share of what may be open of a merchant.
func (l *Ledger) AcceptAll(ctx context.Context, submissions []ledger.Submission) ([]ledger.Acceptance, []error) {
	return l.acceptAll(ctx, submissions, (*ledger.Ledger).AcceptAll, l.openParts)
}

// TryAll says what AcceptAll would answer now, and changes nothing.
func (l *Ledger) TryAll(ctx context.Context, submissions []ledger.Submission) ([]ledger.Acceptance, []error) {
	return l.acceptAll(ctx, submissions, (*ledger.Ledger).TryAll, nil)
}

type accept func(*ledger.Ledger, context.Context, []ledger.Submission) ([]ledger.Acceptance, []error)

// prepare makes a batch ready for orders in a layout.
type prepare func(ctx context.Context, p *parts, batch string) error

// accepting is one AcceptAll.
type accepting struct {
	submissions []ledger.Submission
	answers     []ledger.Acceptance
	errs        []error
	by          accept
}

// triesToAccept is how often orders are handed in that no partition takes: the layout may have changed meanwhile.
const triesToAccept = 3

func (l *Ledger) acceptAll(ctx context.Context, submissions []ledger.Submission, by accept, open prepare) ([]ledger.Acceptance, []error) {
	a := &accepting{submissions, make([]ledger.Acceptance, len(submissions)), make([]error, len(submissions)), by}
	left := indexes(len(submissions))
	for range triesToAccept {
		p := l.now.Load()
		if p.parted() && open != nil {
			left = a.open(ctx, p, left, open)
		}
		for _, y := range p.turns() {
			if left = a.in(ctx, y, left); len(left) == 0 {
				return a.answers, a.errs
			}
		}
		if err := l.moved(ctx, p); err != nil {
			return a.fail(left, err)
		}
	}
	return a.fail(left, ErrMoving)
}

// moved finds out to where new orders go if no partition of a layout takes them: by another layout; or by this one, once somebody
// finishes what was interrupted.
func (l *Ledger) moved(ctx context.Context, p *parts) error {
	if err := l.refresh(ctx, 0); err != nil || l.rdb == nil || l.now.Load() != p {
		return err
	}
	return p.settle(ctx, l.rdb, l.namespace)
}

// turn is the partitions that orders are handed to at a time, and what they say about the layout.
type turn struct {
	layer
	layout int
}

// turns are the partitions that orders are handed to, one number after the other. Those of now are asked before all others, too, for
// what they know of a former time: a former one takes new orders until the layout is settled.
func (p *parts) turns() (all []turn) {
	if p.Again && len(p.layers) > 1 {
		all = append(all, turn{p.layers[len(p.layers)-1], ledger.OnlyKnown})
	}
	for _, y := range p.layers {
		all = append(all, turn{y, p.Version})
	}
	return all
}

// open has the batches of orders be ready for them, and returns the orders whose batches are.
func (a *accepting) open(ctx context.Context, p *parts, which []int, open prepare) (ready []int) {
	failed := map[string]error{}
	for _, i := range which {
		id := a.submissions[i].Batch
		err, known := failed[id]
		if !known && id != "" {
			err = open(ctx, p, id)
			failed[id] = err
		}
		if err != nil {
			a.fail([]int{i}, err)
			continue
		}
		ready = append(ready, i)
	}
	return ready
}

func (a *accepting) fail(left []int, err error) ([]ledger.Acceptance, []error) {
	for _, i := range left {
		a.answers[i], a.errs[i] = ledger.Acceptance{}, fmt.Errorf("partitions: %w", err)
	}
	return a.answers, a.errs
}

// in hands orders to the partitions of a layer, all at once, and returns those that it does not take, since it is a former one.
func (a *accepting) in(ctx context.Context, y turn, which []int) (moved []int) {
	switch {
	case len(y.layer) > 1:
		a.parted(ctx, y, which)
	case len(which) == len(a.submissions) && y.layout == 0: // as nearly always
		a.answers, a.errs = a.by(y.layer[0], ctx, a.submissions)
	default:
		a.one(ctx, y.layer[0], y, which)
	}
	for _, i := range which {
		if a.errs[i] == nil && a.answers[i].Decision == ledger.Moved {
			moved = append(moved, i)
		}
	}
	return moved
}

func (a *accepting) parted(ctx context.Context, y turn, which []int) {
	by := map[*ledger.Ledger][]int{}
	for _, i := range which {
		one := y.of(a.submissions[i].Key)
		by[one] = append(by[one], i)
	}
	var all errgroup.Group
	for one, indexes := range by {
		all.Go(func() error {
			a.one(ctx, one, y, indexes)
			return nil
		})
	}
	_ = all.Wait()
}

// one hands orders to one partition.
func (a *accepting) one(ctx context.Context, one *ledger.Ledger, y turn, which []int) {
	n := len(y.layer)
	submissions := make([]ledger.Submission, len(which))
	for at, i := range which {
		submissions[at] = a.submissions[i]
		submissions[at].MaxOpen, submissions[at].Layout = (submissions[at].MaxOpen+n-1)/n, y.layout
	}
	answers, errs := a.by(one, ctx, submissions)
	for at, i := range which {
		a.answers[i], a.errs[i] = answers[at], errs[at]
	}
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Get returns the record of an order, or false when no partition has one; see ledger.Get.
func (l *Ledger) Get(ctx context.Context, key order.Key) (r ledger.Record, found bool, err error) {
	err = l.find(ctx, func(y layer) (bool, error) {
		r, found, err = y.of(key).Get(ctx, key)
		return found, err
	})
	return r, found, err
}

// find asks the partitions of now, and then those of former layouts, until it is found; and if the layout has changed
// meanwhile, all of them again.
func (l *Ledger) find(ctx context.Context, look func(layer) (found bool, err error)) error {
	for {
		p := l.now.Load()
		for i := len(p.layers) - 1; i >= 0; i-- {
			if found, err := look(p.layers[i]); found || err != nil {
				return err
			}
		}
		if err := l.refresh(ctx, lookAgain); err != nil || l.now.Load() == p {
			return err
		}
	}
}

// where returns the partition that has an order; if none does, the one that it belongs to.
func (l *Ledger) where(ctx context.Context, key order.Key) (*ledger.Ledger, error) {
	if err := l.refresh(ctx, lookAgain); err != nil {
		return nil, err
	}
	p := l.now.Load()
	at := p.layers[len(p.layers)-1].of(key)
	if len(p.layers) == 1 {
		return at, nil
	}
	err := l.find(ctx, func(y layer) (bool, error) {
		_, found, err := y.of(key).Records(ctx, []order.Key{key})
		if err == nil && found[0] {
			at = y.of(key)
		}
		return err == nil && found[0], err
	})
	return at, err
}

// Records looks orders up without their histories: the record of each, and whether there is one.
func (l *Ledger) Records(ctx context.Context, keys []order.Key) ([]ledger.Record, []bool, error) {
	records, known, _, err := l.records(ctx, keys)
	return records, known, err
}

// records says, too, which partition has each; nil where none does.
func (l *Ledger) records(ctx context.Context, keys []order.Key) (records []ledger.Record, known []bool, has []*ledger.Ledger, err error) {
	records, known, has = make([]ledger.Record, len(keys)), make([]bool, len(keys)), make([]*ledger.Ledger, len(keys))
	left := indexes(len(keys))
	err = l.find(ctx, func(y layer) (bool, error) {
		for one, which := range split(y, keys, left) {
			some, found, err := one.Records(ctx, pick(keys, which))
			if err != nil {
				return false, err
			}
			for at, i := range which {
				if found[at] {
					records[i], known[i], has[i] = some[at], true, one
				}
			}
		}
		left = unknown(left, known)
		return len(left) == 0, nil
	})
	return records, known, has, err
}

// Payloads returns what is kept of orders; see ledger.Payloads.
func (l *Ledger) Payloads(ctx context.Context, keys []order.Key) ([][]byte, error) {
	payloads, known := make([][]byte, len(keys)), make([]bool, len(keys))
	left := indexes(len(keys))
	err := l.find(ctx, func(y layer) (bool, error) {
		for one, which := range split(y, keys, left) {
			some, err := one.Payloads(ctx, pick(keys, which))
			if err != nil {
				return false, err
			}
			for at, i := range which {
				payloads[i], known[i] = some[at], some[at] != nil
			}
		}
		left = unknown(left, known)
		return len(left) == 0, nil
	})
	return payloads, err
}

// split says which orders belong to which partition.
func split(y layer, keys []order.Key, which []int) map[*ledger.Ledger][]int {
	by := map[*ledger.Ledger][]int{}
	for _, i := range which {
		one := y.of(keys[i])
		by[one] = append(by[one], i)
	}
	return by
}

func pick[T any](all []T, which []int) []T {
	some := make([]T, len(which))
	for at, i := range which {
		some[at] = all[i]
	}
	return some
}

func unknown(which []int, known []bool) (left []int) {
	for _, i := range which {
		if !known[i] {
			left = append(left, i)
		}
	}
	return left
}

// Replay opens a new generation of a failed order; see ledger.Replay.
func (l *Ledger) Replay(ctx context.Context, key order.Key, generation int, nonce string) (ledger.Replayed, error) {
	one, err := l.where(ctx, key)
	if err != nil {
		return ledger.Replayed{}, err
	}
	return one.Replay(ctx, key, generation, nonce)
}

// Discard gives up a failed order for good; see ledger.Discard.
func (l *Ledger) Discard(ctx context.Context, key order.Key, generation int) error {
	one, err := l.where(ctx, key)
	if err != nil {
		return err
	}
	return one.Discard(ctx, key, generation)
}

// ReplayEmail has a failed email sent again; see ledger.ReplayEmail.
func (l *Ledger) ReplayEmail(ctx context.Context, key order.Key, generation int, nonce string) (ledger.Replayed, error) {
	one, err := l.where(ctx, key)
	if err != nil {
		return ledger.Replayed{}, err
	}
	return one.ReplayEmail(ctx, key, generation, nonce)
}

// DiscardEmail gives a failed email up for good; see ledger.DiscardEmail.
func (l *Ledger) DiscardEmail(ctx context.Context, key order.Key, generation int) error {
	one, err := l.where(ctx, key)
	if err != nil {
		return err
	}
	return one.DiscardEmail(ctx, key, generation)
}
