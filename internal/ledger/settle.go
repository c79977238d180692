package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Settlement is what became of an attempt's report.
type Settlement string

const (
	SettledIssued   Settlement = "issued"   // the link is the published one
	SettledSurplus  Settlement = "surplus"  // another link is published, or the order has failed: it is listed, never shown
	SettledFailed   Settlement = "failed"   // the failure is published
	SettledReleased Settlement = "released" // the order is queued again
	SettledHeld     Settlement = "held"     // the order waits for its merchant's breaker to close
	SettledStale    Settlement = "stale"    // the attempt no longer holds the order; nothing was changed
)

// Issuance is a link with what is published about it.
type Issuance struct {
	Link     Link
	Amount   string // decimal text, or "" when the customer enters it
	Currency string
	Metadata map[string]string
}

// Issue stores and publishes the link of an attempt, in one step. The first link of a
// generation wins, even when the attempt has lost its lease: the link exists.
func (l *Ledger) Issue(ctx context.Context, a Attempt, is Issuance) (Settlement, error) {
	data, err := openEnded(struct {
		URL      string            `json:"url"`
		LinkID   string            `json:"link_id"`
		Amount   string            `json:"amount"`
		Currency string            `json:"currency"`
		Metadata map[string]string `json:"metadata"`
	}{is.Link.URL, is.Link.ID, is.Amount, is.Currency, orEmpty(is.Metadata)})
	if err != nil {
		return "", err
	}
	items, err := l.scripts.issue.run(ctx, l, a.Key, []any{l.retention.Milliseconds()},
		[]any{a.Key.Ref, a.Generation, a.Number, is.Link.ID, is.Link.URL, is.Amount, is.Currency, data})
	if err != nil {
		return "", fmt.Errorf("ledger: issue: %w", err)
	}
	l.published()
	r, err := replyOf(items)
	return settlement("issue", r, err)
}

// Failure is why an order ended without a link.
type Failure struct {
	Code      string // short and stable, for machines
	Message   string // for people; without secrets or personal data, for it is published
	Asked     bool   // whether this attempt asked the gateway
	Uncertain bool   // whether this attempt may have minted a link
	Well      bool   // whether the answer shows that the gateway is well: it closes the merchant's breaker
	Metadata  map[string]string
}

// failureData is the data of link.failed, as far as the caller knows it.
type failureData struct {
	Code     string            `json:"code"`
	Message  string            `json:"message"`
	Metadata map[string]string `json:"metadata"`
}

// Fail ends the generation of an attempt that still holds its order, and publishes that.
func (l *Ledger) Fail(ctx context.Context, a Attempt, f Failure) (Settlement, error) {
	data, err := openEnded(failureData{f.Code, f.Message, orEmpty(f.Metadata)})
	if err != nil {
		return "", err
	}
	r, err := l.run(ctx, "fail", l.scripts.fail, l.ofOrder(a.Key,
		a.Generation, a.Nonce, flag(f.Asked), f.Code, f.Message, data, flag(f.Well), flag(a.Probe), flag(f.Uncertain)))
	l.published()
	return settlement("fail", r, err)
}

// Return is how an attempt gives its order back.
type Return struct {
	After     time.Duration // nobody need look before
	Why       string        // for people; without secrets or personal data
	Asked     bool          // whether this attempt asked the gateway
	Uncertain bool          // whether it may have minted a link
	Excused   bool          // whether the wait is not the order's fault and does not make it older
	Slot      time.Duration // if it has its slot of the rate limit when the wait is over: the time between two slots
	Breaker   BreakerMove
}

// Release queues the order of an attempt that still holds it again.
func (l *Ledger) Release(ctx context.Context, a Attempt, ret Return) (Settlement, error) {
	r, err := l.run(ctx, "release", l.scripts.release, l.ofOrder(a.Key,
		a.Generation, a.Nonce, flag(ret.Asked), flag(ret.Uncertain), flag(ret.Excused),
		ret.After.Milliseconds(), ret.Why, ret.Slot.Microseconds(), ret.Breaker.first(), longestOpen.Milliseconds(), flag(a.Probe)))
	return settlement("release", r, err)
}

func settlement(step string, r reply, err error) (Settlement, error) {
	if err != nil {
		return "", err
	}
	switch s := Settlement(r.word); s {
	case SettledIssued, SettledSurplus, SettledFailed, SettledReleased, SettledHeld, SettledStale:
		return s, nil
	}
	return "", unexpected(step, r)
}

// openEnded returns v, a struct, as a JSON object without its closing brace: the script adds
// what only the ledger knows, attempts and uncertainty, when it publishes.
func openEnded(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("ledger: result data: %w", err)
	}
	return string(b[:len(b)-1]), nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
