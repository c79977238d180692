package demo

import (
	"context"
	"fmt"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/results"
)

// outcome is what came of the sample, as each part remembers it.
type outcome struct {
	events   []Event
	receipts []intake.Receipt // what the door said, at the same index
	late     bool             // not all was answered in time
	bound    string           // that time
	pace     pace

	links    map[order.Key][]results.Issued // on the result stream
	failures map[order.Key]results.Failed
	ledger   ledger.Counts
	states   map[order.Key]ledger.Record // of orders that neither has
	gateway  sandbox.Stats
	minted   map[string]order.Key   // by link id, in the gateway's journal
	mails    []delivered            // in the mail server
	reported map[order.Key][]string // types of the events about their emails
}

// gather asks the result stream, the ledger and the gateway, though the time may be up.
func (s *scene) gather(ctx context.Context, g *localGateway, late bool) (*outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gatherBound)
	defer cancel()
	o := &outcome{
		events: s.o.events, receipts: s.tally.receipts, late: late, bound: s.o.bound.String(), pace: s.tally.pace(),
		links: map[order.Key][]results.Issued{}, failures: map[order.Key]results.Failed{},
		states: map[order.Key]ledger.Record{}, minted: map[string]order.Key{}, reported: map[order.Key][]string{},
	}
	if _, err := s.base.Results.Read(ctx, results.Start, o.take); err != nil {
		return nil, err
	}
	journal, err := g.journal(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range journal {
		if e.LinkID != "" {
			o.minted[e.LinkID] = order.Key{MerchantID: e.MerchantID, Ref: e.Ref}
		}
	}
	o.gateway = g.Stats()
	if o.mails, err = g.inbox.delivered(); err != nil {
		return nil, err
	}
	if o.ledger, err = s.base.Ledger.Counts(ctx); err != nil {
		return nil, err
	}
	return o, o.lookUp(ctx, s.base.Ledger)
}

func (o *outcome) take(e results.Event) error {
	switch e.Type {
	case results.LinkIssued:
		link, err := results.Decode[results.Issued](e)
		o.links[e.Key()] = append(o.links[e.Key()], link)
		return err
	case results.LinkFailed:
		failure, err := results.Decode[results.Failed](e)
		o.failures[e.Key()] = failure
		return err
	case results.EmailSent, results.EmailFailed:
		o.reported[e.Key()] = append(o.reported[e.Key()], e.Type)
	}
	return nil
}

// lookUp finds out about the first orders that have no result.
func (o *outcome) lookUp(ctx context.Context, l *partition.Ledger) error {
	for i, e := range o.events {
		if o.receipts[i].Status != intake.Accepted || o.ending(i) != unexplained || len(o.states) == named {
			continue
		}
		r, _, err := l.Get(ctx, e.Key)
		if err != nil {
			return err
		}
		o.states[e.Key] = r
	}
	return nil
}

// ending is how an event ended. Each ends in exactly one way.
type ending string

const (
	linked      ending = "a link"
	failed      ending = "a failure"
	known       ending = "known already"
	conflict    ending = "a conflict"
	invalid     ending = "invalid"
	unexplained ending = "no answer"
)

func (o *outcome) ending(i int) ending {
	r := o.receipts[i]
	switch r.Status {
	case intake.Known:
		return known
	case intake.Conflict:
		return conflict
	case intake.Rejected:
		return invalid
	case intake.Accepted:
		if len(o.links[r.Key]) > 0 {
			return linked
		}
		if _, ok := o.failures[r.Key]; ok {
			return failed
		}
	}
	return unexplained
}

// expected is how an event should end.
func (k Kind) expected() ending {
	switch k {
	case Plain, Healing:
		return linked
	case Refused:
		return failed
	case Again:
		return known
	case Clash:
		return conflict
	default:
		return invalid
	}
}

// counts returns how many events ended in each way; they add up to the number of events.
func (o *outcome) counts() map[ending]int {
	n := map[ending]int{}
	for i := range o.events {
		n[o.ending(i)]++
	}
	return n
}

// surplus is how many links the gateway minted beyond those that were published.
func (o *outcome) surplus() int {
	n := int(o.gateway.Minted)
	for _, links := range o.links {
		n -= len(links)
	}
	return n
}

// retries is how often the gateway was called beyond once for each order.
func (o *outcome) retries() int { return int(o.gateway.Posts - o.gateway.Refs) }

// remembered is how many events that were known already were answered with the order's link.
func (o *outcome) remembered() (n int) {
	for i, r := range o.receipts {
		if o.ending(i) == known && r.Record.State == ledger.Issued {
			n++
		}
	}
	return n
}

// detail says more about how an event ended, where that helps to find out why.
func (o *outcome) detail(i int) string {
	r := o.receipts[i]
	if f, ok := o.failures[r.Key]; ok && o.ending(i) == failed {
		return fmt.Sprintf(" (%s: %s)", f.Code, f.Message)
	}
	if rec, ok := o.states[o.events[i].Key]; ok {
		if rec.Why != "" {
			return fmt.Sprintf(" (%s, waits: %s)", rec.State, rec.Why)
		}
		return fmt.Sprintf(" (%s)", rec.State)
	}
	return ""
}
