package demo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
)

// named is how many orders a difference names; it counts the others.
const named = 3

// check is one thing that has to hold, and all that speaks against it.
type check struct {
	what  string
	wrong []string
}

// checks compares what came of the sample with what was to come of it, each part's memory with
// those of the others.
func (o *outcome) checks() []check {
	all := []check{
		{"every event came out as the sample foresees", o.otherEndings()},
		{"every order that was to get a link has one, published once", o.published()},
		{"each link is one that the gateway minted for that very order", o.foreign()},
		{"orders sent again at the end were answered with their own link", o.forgotten()},
		{"each email asked for was sent once, to its customer, with its order's link", o.misdelivered()},
		{"the ledger owes nothing: none is open, only the refused have failed", o.owed()},
		{"no surplus link but those minted while the connection broke", o.unexpectedSurplus()},
	}
	if o.late {
		all = append([]check{{"all was done in time", []string{fmt.Sprintf("gave up after %s: %d of %d events were answered", o.bound, o.pace.answered, len(o.events))}}}, all...)
	}
	return all
}

// differences returns a *DifferenceError, or nil when every check holds.
func differences(checks []check) error {
	var all []string
	for _, c := range checks {
		all = append(all, c.wrong...)
	}
	if len(all) == 0 {
		return nil
	}
	return &DifferenceError{all}
}

// some names the first few of many.
func some(all []string) []string {
	if len(all) <= named {
		return all
	}
	return append(all[:named:named], fmt.Sprintf("and %d more like these", len(all)-named))
}

func (o *outcome) otherEndings() []string {
	var wrong []string
	for i, e := range o.events {
		if got, want := o.ending(i), e.Kind.expected(); got != want {
			wrong = append(wrong, fmt.Sprintf("%s: expected %s, got %s%s", name(e.Key), want, got, o.detail(i)))
		}
	}
	return some(wrong)
}

// published counts links on the result stream, without regard to what the events' receipts say.
func (o *outcome) published() []string {
	want, got := 0, 0
	var twice []string
	for _, e := range o.events {
		if e.Kind.expected() == linked {
			want++
		}
	}
	for key, links := range o.links {
		got += len(links)
		if len(links) > 1 {
			twice = append(twice, fmt.Sprintf("%s: %d links are published", name(key), len(links)))
		}
	}
	wrong := some(twice)
	if got != want {
		wrong = append(wrong, fmt.Sprintf("links published: expected %d, got %d", want, got))
	}
	return wrong
}

func (o *outcome) foreign() []string {
	var wrong []string
	for key, links := range o.links {
		for _, l := range links {
			if o.minted[l.LinkID] != key {
				wrong = append(wrong, fmt.Sprintf("%s: the gateway's journal has no link %s for it", name(key), l.LinkID))
			}
		}
	}
	return some(wrong)
}

func (o *outcome) forgotten() []string {
	var wrong []string
	for i, e := range o.events {
		if !e.Late || e.Kind != Again {
			continue
		}
		r, links := o.receipts[i].Record, o.links[e.Key]
		if r.State != ledger.Issued || len(links) != 1 || links[0].URL != r.Link.URL {
			wrong = append(wrong, fmt.Sprintf("%s: sent again, it was not answered with the published link", name(e.Key)))
		}
	}
	return some(wrong)
}

// misdelivered holds what is in the mail server against what was asked for.
func (o *outcome) misdelivered() []string {
	wanted := map[string]order.Key{} // by recipient
	for _, e := range o.events {
		if e.Mail && e.Kind.expected() == linked {
			wanted[recipient(e)] = e.Key
		}
	}
	var wrong []string
	got := map[order.Key]int{}
	for _, m := range o.mails {
		key, asked := wanted[m.To]
		if got[key]++; !asked || !o.carries(m, key) {
			wrong = append(wrong, fmt.Sprintf("%s: the email is to somebody else, or has another link", name(key)))
		}
	}
	for _, key := range wanted {
		if types := o.reported[key]; got[key] != 1 || !slices.Equal(types, []string{results.EmailSent}) {
			wrong = append(wrong, fmt.Sprintf("%s: %d emails arrived, and its events are %v: expected one, and email.sent", name(key), got[key], types))
		}
	}
	slices.Sort(wrong)
	return some(wrong)
}

// carries reports whether an email has the published link of the order, for all readers.
func (o *outcome) carries(m delivered, key order.Key) bool {
	links := o.links[key]
	return len(links) == 1 && strings.Contains(m.Text, links[0].URL) && strings.Contains(m.HTML, links[0].URL)
}

// recipient is to whom an event's email goes.
func recipient(e Event) string {
	var o struct {
		Delivery struct{ Email struct{ To string } }
	}
	mustUnmarshal(e.JSON, &o)
	return o.Delivery.Email.To
}

func (o *outcome) owed() []string {
	var wrong []string
	if n := o.ledger.Open(); n != 0 {
		wrong = append(wrong, fmt.Sprintf("orders open in the ledger: expected 0, got %d", n))
	}
	want := 0
	for _, e := range o.events {
		if e.Kind == Refused {
			want++
		}
	}
	if o.ledger.Failed != want {
		wrong = append(wrong, fmt.Sprintf("orders failed in the ledger: expected %d, got %d", want, o.ledger.Failed))
	}
	return wrong
}

func (o *outcome) unexpectedSurplus() []string {
	want := 0
	for _, e := range o.events {
		want += e.Surplus
	}
	if got := o.surplus(); got != want {
		return []string{fmt.Sprintf("surplus links at the gateway: expected %d, got %d", want, got)}
	}
	return nil
}

func name(k order.Key) string { return k.MerchantID + " " + k.Ref }
