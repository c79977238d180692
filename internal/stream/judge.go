package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// judge sorts the entries by what becomes of them.
func (b *batch) judge(ctx context.Context, entries []entry) {
	var events []intake.Event
	var asked []entry
	for _, e := range entries {
		if event, ok := b.admit(e); ok {
			events, asked = append(events, event), append(asked, e)
		}
	}
	for i, receipt := range b.door.Submit(ctx, events) {
		b.receive(asked[i], receipt)
	}
}

// admit decides about what need not, or must not, be handed to the door; ok says that the event is to be.
func (b *batch) admit(e entry) (event intake.Event, ok bool) {
	if e.fields == nil {
		b.log.Warn("an entry of the stream was deleted before it was handled", "entry", e.id, "stream", b.group.stream)
		b.taken = append(b.taken, e)
		return event, false
	}
	if !b.waits && e.deliveries > b.poison {
		b.turnDown(e, ledger.Refusal{Problems: []order.Problem{{Message: fmt.Sprintf("the entry was handed out %d times and never finished, "+
			"so it is not tried again: whether there is an order under its reference is not sure; look it up, and send it again", b.poison)}}})
		return event, false
	}
	event, problems := decode(e.fields)
	if problems != nil {
		key, more := b.look(event)
		b.turnDown(e, ledger.Refusal{Key: key, Problems: append(problems, more...)})
		return event, false
	}
	return event, !b.queuesUp(e, event)
}

// look reads what it can of an order that is refused for another reason, to tell all problems at once.
func (b *batch) look(event intake.Event) (order.Key, []order.Problem) {
	if event.JSON == nil {
		return order.Key{}, nil
	}
	s, err := b.door.Prepare(event.JSON, event.Lane)
	var invalid *order.InvalidError
	if errors.As(err, &invalid) {
		return s.Key, invalid.Problems
	}
	return s.Key, nil
}

// queuesUp puts an order behind those of its merchant that wait already. Only while some wait does that cost anything.
func (b *batch) queuesUp(e entry, event intake.Event) bool {
	if len(b.waiting) == 0 {
		return false
	}
	s, err := b.door.Prepare(event.JSON, event.Lane)
	if _, waits := b.waiting[s.Key.MerchantID]; err != nil || !waits {
		return false
	}
	b.putOff(e, s.Key.MerchantID)
	return true
}

// bound is how many orders the merchant of an entry may have open; known is false for an entry that is no order, as
// things are now.
func (d *desk) bound(e entry) (most int, known bool) {
	event, problems := decode(e.fields)
	if problems != nil {
		return 0, false
	}
	s, err := d.door.Prepare(event.JSON, event.Lane)
	if s.MaxOpen == 0 {
		return math.MaxInt, err == nil
	}
	return s.MaxOpen, err == nil
}

func (b *batch) receive(e entry, r intake.Receipt) {
	switch r.Status {
	case intake.Accepted, intake.Known:
		b.taken = append(b.taken, e)
	case intake.Rejected:
		b.turnDown(e, ledger.Refusal{Key: r.Key, Problems: r.Problems})
	case intake.Conflict:
		b.turnDown(e, ledger.Refusal{Key: r.Key, Differs: append([]string{}, r.Differs...)})
	case intake.Full:
		b.putOff(e, r.Key.MerchantID)
	default:
		b.keep(e, r.Err)
	}
}

func (b *batch) name(e entry) ledger.Entry {
	return ledger.Entry{Stream: b.group.stream, Group: Group, ID: e.id}
}

func (b *batch) turnDown(e entry, r ledger.Refusal) {
	r.Entry, r.SourceID, r.Fields = b.name(e), e.source(b.waits), e.kept()
	b.refused = append(b.refused, refusal{e, r})
}

// putOff leaves what waits already where it is, at the front.
func (b *batch) putOff(e entry, merchantID string) {
	if b.waits {
		b.left[e.id] = true
		return
	}
	fields := e.kept()
	fields[ledger.SourceField] = e.id
	b.deferred = append(b.deferred, deferral{e, ledger.Deferral{Entry: b.name(e), MerchantID: merchantID, Fields: fields}})
}

func (b *batch) keep(e entry, why error) {
	b.left[e.id], b.err = true, cmp.Or(why, b.err)
}
