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
	return l.acceptAll(ctx, submissions, (*ledger.Ledger).AcceptAll)
}

// TryAll says what AcceptAll would answer now, and changes nothing.
func (l *Ledger) TryAll(ctx context.Context, submissions []ledger.Submission) ([]ledger.Acceptance, []error) {
	return l.acceptAll(ctx, submissions, (*ledger.Ledger).TryAll)
}

type accept func(*ledger.Ledger, context.Context, []ledger.Submission) ([]ledger.Acceptance, []error)

// accepting is one AcceptAll.
type accepting struct {
	submissions []ledger.Submission
	answers     []ledger.Acceptance
	errs        []error
	by          accept
}

// triesToAccept is how often orders are handed in that no partition takes: the layout may have changed meanwhile.
const triesToAccept = 2

func (l *Ledger) acceptAll(ctx context.Context, submissions []ledger.Submission, by accept) ([]ledger.Acceptance, []error) {
	a := &accepting{submissions, make([]ledger.Acceptance, len(submissions)), make([]error, len(submissions)), by}
	left := indexes(len(submissions))
	for range triesToAccept {
		p := l.now.Load()
		if err := l.openParts(ctx, p, submissions, left); err != nil {
			return a.fail(left, err)
		}
		for _, y := range p.layers {
			if left = a.in(ctx, y, left); len(left) == 0 {
				return a.answers, a.errs
			}
		}
		if _, err := l.refresh(ctx, 0); err != nil {
			return a.fail(left, err)
		}
	}
	return a.fail(left, ErrMoving)
}

func (a *accepting) fail(left []int, err error) ([]ledger.Acceptance, []error) {
	for _, i := range left {
		a.answers[i], a.errs[i] = ledger.Acceptance{}, fmt.Errorf("partitions: %w", err)
	}
	return a.answers, a.errs
}

// in hands orders to the partitions of a layer, all at once, and returns those that it does not take, since it is a former one.
func (a *accepting) in(ctx context.Context, y layer, which []int) (moved []int) {
	if len(y) == 1 && len(which) == len(a.submissions) { // as nearly always
		a.answers, a.errs = a.by(y[0], ctx, a.submissions)
	} else {
		a.parted(ctx, y, which)
	}
	for _, i := range which {
		if a.errs[i] == nil && a.answers[i].Decision == ledger.Moved {
			moved = append(moved, i)
		}
	}
	return moved
}

func (a *accepting) parted(ctx context.Context, y layer, which []int) {
	by := map[*ledger.Ledger][]int{}
	for _, i := range which {
		one := y.of(a.submissions[i].Key)
		by[one] = append(by[one], i)
	}
	var all errgroup.Group
	for one, indexes := range by {
		all.Go(func() error {
			a.one(ctx, one, len(y), indexes)
			return nil
		})
	}
	_ = all.Wait()
}

// one hands orders to one partition of n.
func (a *accepting) one(ctx context.Context, one *ledger.Ledger, n int, which []int) {
	submissions := make([]ledger.Submission, len(which))
	for at, i := range which {
		submissions[at] = a.submissions[i]
		submissions[at].MaxOpen = (submissions[at].MaxOpen + n - 1) / n
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
		if changed, err := l.refresh(ctx, lookAgain); !changed || err != nil {
			return err
		}
	}
}

// where returns the partition that has an order; if none does, the one that it belongs to.
func (l *Ledger) where(ctx context.Context, key order.Key) (*ledger.Ledger, error) {
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
	records, known := make([]ledger.Record, len(keys)), make([]bool, len(keys))
	left := indexes(len(keys))
	err := l.find(ctx, func(y layer) (bool, error) {
		for one, which := range split(y, keys, left) {
			some, found, err := one.Records(ctx, pick(keys, which))
			if err != nil {
				return false, err
			}
			for at, i := range which {
				if found[at] {
					records[i], known[i] = some[at], true
				}
			}
		}
		left = unknown(left, known)
		return len(left) == 0, nil
	})
	return records, known, err
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
