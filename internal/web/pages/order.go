package pages

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
)

// orderView is the page of one order.
type orderView struct {
	lookup.OrderView
	Key       order.Key
	Batches   []string
	Next      []sentence // what happens next, and when
	Notice    *matter    // what came of a replay
	Steps     []stepView
	Recipient string // masked
	Event     string // the id of the event that published the outcome; "" if it is not there any more
	Place     string // and where it stands in the stream
	Failed    *failedRow
	Unmailed  *failedRow
	Gone      bool // it was discarded: nothing is left to replay
}

// Waiting says in a word why a queued order is not due.
func (v orderView) Waiting() string {
	switch {
	case v.State != ledger.Queued:
		return ""
	case v.Breaker != nil || !v.HeldSince.IsZero():
		return "held"
	case v.NextTry.After(time.Now()):
		return "waits for its time"
	}
	return ""
}

// order shows one order.
func (p *Pages) order(w http.ResponseWriter, r *http.Request) {
	key, err := order.ParseKey(r.PathValue("key"))
	if err != nil {
		p.nowhere(w, r)
		return
	}
	v, err := p.orderOf(r.Context(), key)
	if errors.Is(err, lookup.ErrUnknown) {
		p.show(w, r, http.StatusNotFound, "message", frame{Title: "No such order", Find: key.Ref, Body: notice{"No such order", look, []sentence{
			say("No order with the ref “" + key.Ref + "” of merchant “" + key.MerchantID + "” is known. Settled orders are forgotten after the retention."),
			say("Check both, or ", link{"look for the ref of any merchant", at("/orders/find", "q", key.Ref)}, "."),
		}}})
		return
	}
	if err != nil {
		p.fault(w, r, err)
		return
	}
	v.Notice = replayedNotice(r, v.OrderView)
	p.show(w, r, http.StatusOK, "order", frame{Title: lookup.Visible(key.Ref), Live: partOf(r), Every: v.every(), Body: v})
}

// every is in how many seconds an order is looked at again: one that is settled does not change often.
func (v orderView) every() int {
	if len(v.Owed) > 0 {
		return 2
	}
	return 15
}

func (p *Pages) orderOf(ctx context.Context, key order.Key) (orderView, error) {
	v := orderView{Key: key}
	record, found, err := p.Ledger.Get(ctx, key)
	if err == nil && !found {
		err = lookup.ErrUnknown
	}
	if err != nil {
		return v, err
	}
	s, err := p.now.get()
	if err != nil {
		return v, err
	}
	breaker, err := p.Ledger.BreakerOf(ctx, key.MerchantID)
	if err != nil {
		return v, err
	}
	v.Batches = record.Batches
	v.OrderView = lookup.View(key, record, openOnly(breaker))
	v.Steps = stepsOf(v.History)
	v.Next = s.next(v.OrderView)
	if err := p.published(ctx, &v); err != nil {
		return v, err
	}
	if err := p.recipient(ctx, &v); err != nil {
		return v, err
	}
	return v, p.replayable(ctx, &v)
}

func openOnly(b ledger.Breaker) *ledger.Breaker {
	if !b.Open {
		return nil
	}
	return &b
}

// replayable looks for the order on the lists of what failed.
func (p *Pages) replayable(ctx context.Context, v *orderView) error {
	for list, to := range map[string]**failedRow{linkFailures.name: &v.Failed, mailFailures.name: &v.Unmailed} {
		named, err := listNamed(list).of(p.Ledger).Named(ctx, []order.Key{v.Key})
		if err != nil {
			return err
		}
		if named[0].Listed {
			*to = &failedRow{named[0].FailedOrder, listNamed(list).param()}
		}
	}
	v.Gone = v.State == ledger.Failed && v.Failed == nil
	return nil
}

// An event is published in the very step that settles an order, so it is looked for around that moment. Among very many it may not
// be found, which does no harm.
const (
	publishedBefore = 50 * time.Millisecond
	publishedAfter  = time.Second
	publishedAmong  = 2000
)

// published finds the event that told of the order's end.
func (p *Pages) published(ctx context.Context, v *orderView) error {
	if v.Settled.IsZero() {
		return nil
	}
	e, found, err := p.eventAt(ctx, v, v.Settled, results.LinkIssued, results.LinkFailed)
	if found {
		v.Event, v.Place = e.ID, e.StreamID
	}
	return err
}

func (p *Pages) eventAt(ctx context.Context, v *orderView, when time.Time, types ...string) (results.Event, bool, error) {
	events, err := p.results.Around(ctx, when.Add(-publishedBefore), when.Add(publishedAfter), publishedAmong)
	for _, e := range events {
		for _, t := range types {
			if e.Type == t && e.Key() == v.Key && e.Generation == v.Generation {
				return e, true, nil
			}
		}
	}
	return results.Event{}, false, err
}

// recipient finds out to whom the link is sent, masked: from the order while that is kept, and then from the event.
func (p *Pages) recipient(ctx context.Context, v *orderView) error {
	if v.Email == nil {
		return nil
	}
	if !v.Email.Sent.IsZero() {
		e, found, err := p.eventAt(ctx, v, v.Email.Sent, results.EmailSent)
		if found {
			d, _ := results.Decode[results.Emailed](e)
			v.Recipient = d.To
		}
		return err
	}
	payloads, err := p.Ledger.Payloads(ctx, []order.Key{v.Key})
	if err != nil || payloads[0] == nil {
		return err
	}
	if o, err := order.Decode(payloads[0]); err == nil && o.Delivery != nil && o.Delivery.Email != nil {
		v.Recipient = order.MaskAddress(o.Delivery.Email.To)
	}
	return nil
}

// stepView is something that happened to an order.
type stepView struct {
	lookup.Step
	After time.Duration // since the step before; negative if there is none
	Says  string
}

// First reports whether nothing was before it.
func (s stepView) First() bool { return s.After < 0 }

func stepsOf(history []lookup.Step) []stepView {
	steps := make([]stepView, len(history))
	for i, h := range history {
		steps[i] = stepView{Step: h, After: -1, Says: stepWords(h)}
		if i > 0 {
			steps[i].After = max(h.At.Sub(history[i-1].At), 0)
		}
	}
	return steps
}

func stepWords(h lookup.Step) string {
	why := reasonOf(h.Detail).Words()
	if h.Detail == "" {
		why = "no reason was noted"
	}
	switch h.What {
	case ledger.StepAccepted:
		if h.Generation > 1 {
			return "Generation " + number(h.Generation) + " began: it was replayed, corrected or asked for again"
		}
		return "Accepted"
	case ledger.StepPutBack:
		return "Put back, to be tried again: " + why
	case ledger.StepHeld:
		return "Held, with the merchant’s other orders: " + why
	case ledger.StepLost:
		return "Its worker fell silent, and another took over"
	case ledger.StepIssued:
		return "Link published: " + h.Detail
	case ledger.StepFailed:
		return "Failed: " + h.Detail
	case ledger.MailPutBack:
		return "Email put back, to be sent again: " + why
	case ledger.MailHeldStep:
		return "Email held, with the merchant’s other emails: " + why
	case ledger.MailLost:
		return "The worker that sent its email fell silent"
	case ledger.StepMailed:
		return "The mail server took the email"
	case ledger.StepUnmailed:
		return "Its email failed: " + h.Detail
	}
	return string(h.What) + " " + h.Detail
}
