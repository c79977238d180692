package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/hpplink/hpplink/internal/order"
)

// OpenOrder is an order that something is owed for: a link, or the email that carries it.
type OpenOrder struct {
	Key order.Key
	Record
}

// CodeEnded is the code of an order that was ended by hand while it was open.
const CodeEnded = "ended"

// ErrBusy means that an attempt holds the order.
var ErrBusy = errors.New("an attempt holds the order")

// openPage is about how many open orders are read in one round trip.
const openPage = 500

// EachOpen calls f with the open orders, some hundreds at a time, in no order. One that is opened or settled meanwhile may be among
// them or not.
func (l *Ledger) EachOpen(ctx context.Context, f func([]OpenOrder) error) error {
	sets, err := l.openSets(ctx)
	if err != nil {
		return fmt.Errorf("ledger: open orders: %w", err)
	}
	seen := map[string]bool{}
	for _, set := range sets {
		if err := l.eachOf(ctx, set, seen, f); err != nil {
			return err
		}
	}
	return nil
}

// openSets are the keys of the sets that open orders are in. Those that are held come last, since orders move there meanwhile.
func (l *Ledger) openSets(ctx context.Context) (sets []string, err error) {
	for _, lane := range []order.Lane{order.Interactive, order.Bulk, Mailing} {
		sets = append(sets, l.keys.Queued(lane), l.keys.Sending(lane))
	}
	for _, k := range []breakerKeys{l.linkBreakers(), l.mailBreakers()} {
		merchants, err := l.rdb.SMembers(ctx, k.tripped).Result()
		if err != nil {
			return nil, err
		}
		for _, m := range merchants {
			sets = append(sets, k.held(m)...)
		}
	}
	return sets, nil
}

func (l *Ledger) eachOf(ctx context.Context, set string, seen map[string]bool, f func([]OpenOrder) error) error {
	var cursor uint64
	for {
		members, next, err := l.rdb.ZScan(ctx, set, cursor, "", openPage).Result()
		if err != nil {
			return fmt.Errorf("ledger: open orders: %w", err)
		}
		page, err := l.openOf(ctx, members, seen)
		if err == nil && len(page) > 0 {
			err = f(page)
		}
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

// openOf looks up members, each followed by its score, that were not seen yet.
func (l *Ledger) openOf(ctx context.Context, members []string, seen map[string]bool) ([]OpenOrder, error) {
	var keys []order.Key
	for i := 0; i < len(members); i += 2 {
		if seen[members[i]] {
			continue
		}
		seen[members[i]] = true
		key, err := order.ParseKey(members[i])
		if err != nil {
			return nil, fmt.Errorf("ledger: open orders: %w", err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	records, found, err := l.Records(ctx, keys)
	if err != nil {
		return nil, err
	}
	var page []OpenOrder
	for i, key := range keys {
		if found[i] {
			page = append(page, OpenOrder{key, records[i]})
		}
	}
	return page, nil
}

// Ending says what an order is ended with.
type Ending struct {
	Message      string            // for people; without secrets or personal data
	LinkMayExist bool              // as after a backup was restored: then only an explicit replay goes on
	Metadata     map[string]string // of the order; it is echoed in its result
}

// End fails an open order by hand, with CodeEnded, or with CodePossiblyIssued where a link may exist. It is listed with those that
// failed, and may be replayed. The error is ErrBusy while an attempt holds it, and ErrStale when it is not open in that generation.
func (l *Ledger) End(ctx context.Context, key order.Key, generation int, e Ending) error {
	code := CodeEnded
	if e.LinkMayExist {
		code = CodePossiblyIssued
	}
	data, err := openEnded(failureData{code, e.Message, orEmpty(e.Metadata)})
	if err != nil {
		return err
	}
	r, err := l.run(ctx, "end", l.scripts.end, l.ofOrder(key, generation, code, e.Message, data, flag(e.LinkMayExist)))
	l.published()
	switch {
	case err != nil:
		return err
	case r.word == "failed":
		return nil
	case r.word == "busy":
		return fmt.Errorf("ledger: end %s: %w", key, ErrBusy)
	case r.word == "stale":
		return fmt.Errorf("ledger: end %s: %w", key, ErrStale)
	}
	return unexpected("end", r)
}
