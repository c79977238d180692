package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hpplink/hpplink/internal/order"
)

// SourceField is the field of a waiting entry that holds the id it had in the stream of orders.
const SourceField = "source"

// Entry names an entry of a stream of orders, as a consumer group was handed it.
type Entry struct{ Stream, Group, ID string }

// Refusal answers an entry that did not become an order.
type Refusal struct {
	Entry
	SourceID string            // what the answer calls it; "" for the entry's id
	Key      order.Key         // as far as it could be read
	Problems []order.Problem   // why it is no order; or
	Differs  []string          // the names of the fields in which another order under that ref differs
	Fields   map[string]string // the entry's own fields, kept with the dead letters unless they are named as one of a letter's own
}

// RefuseAll publishes each refusal as order.rejected or, where it has Differs, order.conflict, keeps the entry with the
// dead letters and acknowledges it: one step for each, one round trip for all. An entry that was acknowledged before is
// left alone, so repeating is safe. Each has its own error.
func (l *Ledger) RefuseAll(ctx context.Context, refusals []Refusal) []error {
	calls, errs := make([]call, len(refusals)), make([]error, len(refusals))
	for i, r := range refusals {
		var err error
		if calls[i], err = l.refusal(r); err != nil { // none of them is answered then
			for i := range errs {
				errs[i] = err
			}
			return errs
		}
	}
	_, errs = l.runAll(ctx, l.scripts.refuse, calls, false)
	l.published()
	return named("refuse", errs)
}

func (l *Ledger) refusal(r Refusal) (call, error) {
	source := r.SourceID
	if source == "" {
		source = r.ID
	}
	kind, data, err := rejectionData(source, r.Problems)
	if r.Differs != nil {
		kind, data, err = conflictData(source, r.Differs)
	}
	if err != nil {
		return call{}, err
	}
	return call{
		keys: []string{r.Stream, l.keys.DeadLetters(), l.keys.publishing()},
		args: append([]any{r.Group, r.ID, source, kind, r.Key.MerchantID, r.Key.Ref, data}, pairs(r.Fields, "source", "type", "time", "data")...),
	}, nil
}

// Deferral is an entry whose merchant has too much open to take it in now.
type Deferral struct {
	Entry
	MerchantID string
	Fields     map[string]string // what to keep of it: its own fields, and SourceField
}

// DeferAll moves entries behind those of their merchant that wait, and acknowledges them: one step for each, one round
// trip for all. An entry that was acknowledged before is left alone, so repeating is safe. Each has its own error.
func (l *Ledger) DeferAll(ctx context.Context, deferrals []Deferral) []error {
	calls := make([]call, len(deferrals))
	for i, d := range deferrals {
		calls[i] = call{
			keys: []string{d.Stream, l.keys.Waiting(d.MerchantID), l.keys.WaitingMerchants()},
			args: append([]any{d.Group, d.ID, d.MerchantID}, pairs(d.Fields)...),
		}
	}
	_, errs := l.runAll(ctx, l.scripts.later, calls, false)
	return named("defer", errs)
}

// pairs lists fields and values but those reserved, in the fields' order so that a repeated call is the same.
func pairs(fields map[string]string, reserved ...string) (list []any) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(reserved, name) {
			list = append(list, name, fields[name])
		}
	}
	return list
}

func named(step string, errs []error) []error {
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("ledger: %s: %w", step, err)
		}
	}
	return errs
}
