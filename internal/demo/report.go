package demo

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/hpplink/hpplink/internal/order"
)

// width is that of the narrowest usual terminal.
const width = 80

// page is text for people, as it is put together.
type page struct {
	strings.Builder
	color bool
}

const (
	bold  = "1"
	green = "32"
	red   = "31"
)

func (p *page) paint(how, s string) string {
	if !p.color {
		return s
	}
	return "\x1b[" + how + "m" + s + "\x1b[0m"
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) heading(s string) { p.line("\n%s", p.paint(bold, s)) }

// introduce says what is about to happen.
func introduce(o Options) error {
	p := page{color: o.Color}
	p.line("%s %s order events become payment links, one for each order.",
		p.paint(bold, "hpplink demo:"), number(len(o.events)))
	p.line("Redis, worker, a simulated gateway and a mail server run in this process:\nnothing leaves it.\n")
	_, err := io.WriteString(o.Out, p.String())
	return err
}

func report(o Options, result *outcome, checks []check, inbox string) error {
	p := page{color: o.Color}
	result.table(&p)
	result.invalid(&p)
	result.failed(&p)
	result.someLinks(&p)
	p.line("  %-14s %s", "their emails", inbox)
	p.heading("Checked against the result stream, the ledger, the gateway's journal, the inbox")
	for _, c := range checks {
		if len(c.wrong) == 0 {
			p.line("  %s  %s", p.paint(green, "ok"), c.what)
		} else {
			p.line("  %s  %s", p.paint(red, "NO"), c.what)
		}
	}
	_, err := io.WriteString(o.Out, p.String())
	return err
}

// invite says what there is to see, and for how long.
func invite(o Options, orders, dashboard string) error {
	p := page{color: o.Color}
	p.heading("See for yourself (these two links let you in once)")
	p.line("  %-14s %s", "orders", orders)
	p.line("  %-14s %s", "queues", dashboard)
	p.line("\nThese, links and emails can be opened in a browser until you press Enter.")
	_, err := io.WriteString(o.Out, p.String())
	return err
}

// table accounts for every event: the rows after the first add up to it.
func (o *outcome) table(p *page) {
	row := func(what string, n int, note string) { p.line("  %-15s %6s   %s", what, number(n), note) }
	n := o.counts()
	p.line("")
	row("order events", len(o.events), "handed in, and every one accounted for:")
	row("links", n[linked], "each order's own")
	row("known already", n[known], fmt.Sprintf("sent again: no second link; %d were told theirs", o.remembered()))
	row("conflicts", n[conflict], "same ref, another amount: the first order stays")
	row("invalid", n[invalid], "answered with all that is wrong, see below")
	row("failed", n[failed], "refused by the gateway for good, see below")
	if n[unexplained] > 0 {
		row(p.paint(red, fmt.Sprintf("%-15s", "no answer")), n[unexplained], "this should be 0")
	}
	row("emails", len(o.mails), "sent with the link where the order asks for that")
	p.line("")
	row("retries", o.retries(), "calls made again after a fault, each in its own time")
	row("surplus links", o.surplus(), "minted as the connection broke: nobody saw them")
	p.line("  %-15s %5.1fs   from the first event to the last answer", "time", o.pace.took.Seconds())
	p.line("  %-15s %6.0f   of the %s orders that met no fault, in %.1fs", "links a second", o.pace.rate(),
		number(o.pace.plain), o.pace.plainTook.Seconds())
}

func (o *outcome) invalid(p *page) {
	for i, r := range o.receipts {
		if o.ending(i) != invalid {
			continue
		}
		p.heading("Invalid, with all that is wrong: " + name(r.Key))
		for _, problem := range r.Problems {
			p.line("%s", wrap("  ", problem.Field+": "+problem.Message))
		}
	}
}

func (o *outcome) failed(p *page) {
	shown := 0
	for i, r := range o.receipts {
		if o.ending(i) != failed {
			continue
		}
		switch shown++; shown {
		case 1:
			p.heading("Failed, by code and message")
		case 2 * named:
			p.line("  and more like these")
			return
		}
		f := o.failures[r.Key]
		p.line("%s", wrap("  ", fmt.Sprintf("%s: %s: %s", name(r.Key), f.Code, f.Message)))
	}
}

// someLinks shows one link in each of a few currencies.
func (o *outcome) someLinks(p *page) {
	p.heading("Some of the links")
	for _, currency := range []string{"JPY", "EUR", "KWD", "USD", "GBP"} {
		if key, ok := o.firstIn(currency); ok {
			link := o.links[key][0]
			p.line("  %-14s %s", people(link.Amount, link.Currency), link.URL)
		}
	}
}

func (o *outcome) firstIn(currency string) (order.Key, bool) {
	for _, e := range o.events {
		if links := o.links[e.Key]; e.Kind == Plain && len(links) > 0 && links[0].Currency == currency {
			return e.Key, true
		}
	}
	return order.Key{}, false
}

var english = message.NewPrinter(language.English)

// number groups digits by thousands.
func number(n int) string { return english.Sprintf("%d", n) }

// wrap breaks text at spaces, further lines indented deeper.
func wrap(indent, text string) string {
	var b strings.Builder
	b.WriteString(indent)
	used := len(indent)
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case used+1+n > width:
			b.WriteString("\n" + indent + "  ")
			used = len(indent) + 2
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
