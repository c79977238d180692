// Package lookup tells how an order stands, in one form for everybody who shows it: its state and link, what is owed for it,
// when it will be tried again, why it waits, and what happened to it.
//
// It knows records, breakers and results, and how to put them into words for a machine. It does not know who asks.
package lookup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/results"
)

// ErrUnknown means that the ledger has no such order.
var ErrUnknown = errors.New("no such order is known")

// OrderView is an order as it is shown. Names are those of results where both have a field.
type OrderView struct {
	MerchantID string       `json:"merchant_id"`
	Ref        string       `json:"merchant_txn_ref"`
	State      ledger.State `json:"state" enum:"queued,sending,issued,failed" doc:"queued: it waits for its turn; sending: the gateway is being asked; issued: it has its link; failed: it ended without one"`
	Generation int          `json:"generation" doc:"1 at first, one more for each replay, correction or reissue"`
	Lane       order.Lane   `json:"lane" enum:"interactive,bulk"`
	Attempts   int          `json:"attempts" doc:"How often the gateway was asked, in this generation"`
	Uncertain  bool         `json:"uncertain" doc:"A link that nobody was shown may exist at the gateway"`

	URL      string `json:"url,omitempty" doc:"The link"`
	LinkID   string `json:"link_id,omitempty"`
	Amount   string `json:"amount,omitempty" doc:"Of the link: decimal text; absent when the customer enters it"`
	Currency string `json:"currency,omitempty"`
	Code     string `json:"code,omitempty" doc:"Why it failed, for machines"`
	Message  string `json:"message,omitempty" doc:"Why it failed, for people"`

	Owed      []string  `json:"owed" nullable:"false" doc:"What is still to be done for the order: \"link\", \"email\". Empty once nothing is"`
	Email     *Email    `json:"email,omitempty" doc:"Present if the link is to be sent by email"`
	Why       string    `json:"why,omitempty" doc:"Why it waits"`
	NextTry   time.Time `json:"next_try,omitzero" doc:"It is not tried before; absent when it goes as soon as its turn comes"`
	HeldSince time.Time `json:"held_since,omitzero" doc:"Since when it is held, because the gateway does not serve its merchant"`
	Breaker   *Breaker  `json:"breaker,omitempty" doc:"Present while the gateway does not serve the order's merchant"`
	LeaseEnds time.Time `json:"lease_ends,omitzero" doc:"While it is being sent: when another worker may take it over"`
	Accepted  time.Time `json:"accepted,omitzero" doc:"When this generation began"`
	Settled   time.Time `json:"settled,omitzero" doc:"When it was issued or failed"`
	Surplus   int       `json:"surplus_links,omitempty" doc:"Links of the order that the gateway minted and nobody was shown"`

	History []Step `json:"history,omitempty" nullable:"false" doc:"What happened to the order, oldest first. Of very many steps the earliest are forgotten"`
}

// Email is how the email that carries the link stands.
type Email struct {
	State    string    `json:"state" enum:"owed,pending,sending,sent,failed,unknown,discarded" doc:"owed: its link is not there yet; unknown: the customer may have it or not, and it was sent again as often as allowed"`
	Attempts int       `json:"attempts"`
	Sent     time.Time `json:"sent,omitzero"`
	Failed   time.Time `json:"failed,omitzero"`
	Doubtful bool      `json:"uncertain" doc:"An attempt may have sent it and never said so"`
	Code     string    `json:"code,omitempty"`
	Message  string    `json:"message,omitempty"`
}

// Breaker is a merchant that the gateway does not serve.
type Breaker struct {
	Since   time.Time `json:"since"`
	NextTry time.Time `json:"next_try" doc:"When a single order tries next whether the gateway is well again"`
	Why     string    `json:"why"`
	Held    int       `json:"held" doc:"How many of the merchant's orders wait for that"`
}

// Step is something that happened to an order.
type Step struct {
	At         time.Time        `json:"at"`
	Generation int              `json:"generation"`
	What       ledger.Happening `json:"what" enum:"accepted,put back,held,lost,issued,failed,mail put back,mail held,mail lost,mailed,mail failed" doc:"put back: an attempt brought no outcome; held: the gateway does not serve the merchant; lost: its worker was silent and another went on"`
	Detail     string           `json:"detail,omitempty"`
}

// Order looks an order up. The error is ErrUnknown, or that of a Redis which did not answer.
func Order(ctx context.Context, l *partition.Ledger, key order.Key) (OrderView, error) {
	r, found, err := l.Get(ctx, key)
	if err != nil {
		return OrderView{}, err
	}
	if !found {
		return OrderView{}, ErrUnknown
	}
	if r.State != ledger.Queued {
		return View(key, r, nil), nil
	}
	b, err := l.BreakerOf(ctx, key.MerchantID)
	if err != nil {
		return OrderView{}, err
	}
	if !b.Open {
		return View(key, r, nil), nil
	}
	return View(key, r, &b), nil
}

// View puts a record into the form that is shown. b is the open breaker of the order's merchant, or nil.
func View(key order.Key, r ledger.Record, b *ledger.Breaker) OrderView {
	v := OrderView{
		MerchantID: key.MerchantID, Ref: key.Ref, State: r.State, Generation: r.Generation, Lane: r.Lane, Attempts: r.Attempts,
		Uncertain: r.Uncertain, URL: r.Link.URL, LinkID: r.Link.ID, Amount: r.Amount, Currency: r.Currency, Code: r.Code,
		Message: r.Message, Why: r.Why, NextTry: utc(r.WaitUntil), HeldSince: utc(r.HeldSince), LeaseEnds: utc(r.Lease),
		Accepted: utc(r.Accepted), Settled: utc(r.Settled), Surplus: r.Surplus, Owed: []string{},
	}
	if !v.IsSettled() {
		v.Owed = append(v.Owed, "link")
	}
	if v.Email = emailOf(r.Email); v.Email != nil && owed(r.Email.State) {
		v.Owed = append(v.Owed, "email")
	}
	if b != nil && !v.IsSettled() {
		v.Breaker = &Breaker{Since: utc(b.Since), NextTry: utc(b.Until), Why: b.Why, Held: b.Held}
		if b.Until.After(v.NextTry) {
			v.NextTry = utc(b.Until)
		}
		if v.Why == "" {
			v.Why = b.Why
		}
	}
	for _, s := range r.History {
		v.History = append(v.History, Step{At: utc(s.At), Generation: s.Generation, What: s.What, Detail: s.Detail})
	}
	return v
}

func emailOf(e ledger.Email) *Email {
	if e.State == ledger.NoMail {
		return nil
	}
	v := &Email{State: string(e.State), Attempts: e.Attempts, Sent: utc(e.Sent), Failed: utc(e.Failed), Doubtful: e.Doubtful, Code: e.Code, Message: e.Message}
	if e.State == ledger.MailFailed && e.Code == ledger.CodeMailUnknown {
		v.State = "unknown"
	}
	return v
}

func owed(s ledger.MailState) bool {
	return s == ledger.MailOwed || s == ledger.MailPending || s == ledger.MailSending
}

// IsSettled reports whether the order has its link or has failed.
func (v OrderView) IsSettled() bool { return v.State == ledger.Issued || v.State == ledger.Failed }

// After returns the order as it stands after the event that ended a generation of it, so that who waited need not look it up. It
// reports false for an event of an earlier generation, and for one that it can not read.
func (v OrderView) After(e results.Event) (OrderView, bool) {
	if e.Key() != (order.Key{MerchantID: v.MerchantID, Ref: v.Ref}) || e.Generation < v.Generation {
		return v, false
	}
	after := OrderView{
		MerchantID: v.MerchantID, Ref: v.Ref, Generation: e.Generation, Lane: v.Lane, Owed: []string{},
		Accepted: v.Accepted, Settled: e.Time, Surplus: v.Surplus,
	}
	if v.Email != nil && e.Type == results.LinkIssued && e.Generation == v.Generation {
		after.Email, after.Owed = &Email{State: string(ledger.MailPending)}, []string{"email"}
	}
	if err := after.settle(e); err != nil {
		return v, false
	}
	after.History = append(slices.Clone(v.History),
		Step{At: e.Time, Generation: e.Generation, What: ledger.Happening(after.State), Detail: cmp.Or(after.LinkID, after.Code)})
	return after, true
}

func (v *OrderView) settle(e results.Event) error {
	switch e.Type {
	case results.LinkIssued:
		d, err := results.Decode[results.Issued](e)
		v.State, v.URL, v.LinkID, v.Amount, v.Currency = ledger.Issued, d.URL, d.LinkID, d.Amount, d.Currency
		v.Attempts, v.Uncertain = d.Attempts, d.Uncertain
		return err
	case results.LinkFailed:
		d, err := results.Decode[results.Failed](e)
		v.State, v.Code, v.Message = ledger.Failed, d.Code, d.Message
		v.Attempts, v.Uncertain = d.Attempts, d.Uncertain
		return err
	}
	return fmt.Errorf("%s ends no generation", e.Type)
}

// utc keeps an absent time absent.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}
