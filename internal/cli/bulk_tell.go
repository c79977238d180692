package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/rivo/uniseg"

	"github.com/hpplink/hpplink/internal/bulk"
)

// tellPlan says what the file holds and what would be done with it.
func (r *bulkRun) tellPlan() error {
	if r.JSON {
		return writeJSON(r.streams.Out, planJSON(r.plan, r.existingProblems()))
	}
	p := r.plan
	r.tellFindings("rows that can not be sent", p.Problems, p.Invalid+p.Clashes)
	r.tellFindings("rows in conflict with orders that are known", p.Differing, p.Conflicts)
	if path := r.existingProblems(); path != "" {
		fmt.Fprintf(r.streams.Out, "all of that is in %s\n\n", path)
	}
	r.line(p.Label + ": " + countedRows(p.Rows))
	t := tabwriter.NewWriter(r.streams.Out, 0, 0, 2, ' ', 0)
	for _, l := range planLines(p) {
		if l.n > 0 {
			fmt.Fprintln(t, strings.TrimRight(fmt.Sprintf("  %s\t%s\t%s", l.name, number(l.n), l.note), "\t"))
		}
	}
	for i, total := range p.Totals {
		name := "  total"
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", name, total, countedOrders(total.Orders))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if p.NoAmount > 0 {
		fmt.Fprintf(r.streams.Out, "no amount: %s; the customers enter theirs\n", countedOrders(p.NoAmount))
	}
	if unsent := p.Unsent(); len(unsent) > 0 {
		r.line("not sent, kept in the result: " + strings.Join(quoted(unsent), ", "))
	}
	_, err := fmt.Fprintf(r.streams.Out, "batch %s\n", p.Batch)
	return err
}

type planLine struct {
	name string
	n    int
	note string
}

func planLines(p *bulk.Plan) []planLine {
	return []planLine{
		{"valid", p.Valid(), ""},
		{"to be sent", p.Fresh, ""},
		{"under way already", p.Open, ""},
		{"have their link", p.Issued, "unchanged; not sent again"},
		{"failed before", p.Failed, "--retry-failed tries them again"},
		{"failed, uncertain", p.Doubtful, "a link may exist: --retry-failed --uncertain"},
		{"duplicates", p.Repeated, "as earlier rows; not sent again"},
		{"conflicts", p.Conflicts, "with known orders; not sent"},
		{"same ref twice", p.Clashes, "and not the same order; not sent"},
		{"invalid", p.Invalid, "not sent"},
	}
}

func (r *bulkRun) tellFindings(what string, found []bulk.Finding, rows int) {
	if len(found) == 0 {
		return
	}
	fmt.Fprintf(r.streams.Out, "%s: %s\n", what, number(rows))
	for _, f := range found {
		fmt.Fprintln(r.streams.Out, wrapped(fmt.Sprintf("  row %d: %s", f.Row, f), terminalWidth(r.streams.Out)))
	}
	if rows > len(found) {
		fmt.Fprintln(r.streams.Out, "  …")
	}
	fmt.Fprintln(r.streams.Out)
}

// wrapped breaks a text between words so that no line is wider, and indents those that follow.
func wrapped(text string, width int) string {
	const indent = "    "
	if width < 2*leastCut {
		return text
	}
	var lines []string
	for uniseg.StringWidth(text) > width {
		end := len(cutTo(text, width)) - len("…")
		if at := strings.LastIndexByte(text[:end], ' '); at > leastCut {
			end = at
		}
		lines = append(lines, text[:end])
		text = indent + strings.TrimLeft(text[end:], " ")
	}
	return strings.Join(append(lines, text), "\n")
}

// line prints a text that may be long, cut where somebody looks at a terminal.
func (r *bulkRun) line(text string) {
	if width := terminalWidth(r.streams.Out); width > 0 {
		text = cutTo(text, width)
	}
	fmt.Fprintln(r.streams.Out, text)
}

func (r *bulkRun) existingProblems() string {
	if _, _, path := r.outputs(); r.plan.Refused() > 0 {
		return path
	}
	return ""
}

func quoted(all []string) []string {
	q := make([]string, len(all))
	for i, s := range all {
		q[i] = fmt.Sprintf("%q", s)
	}
	return q
}

// tellResult says how the file stands in the end, and how to go on.
func (r *bulkRun) tellResult(result bulk.Result, path string, interrupted bool) error {
	if r.JSON {
		return writeJSON(r.streams.Out, resultJSON{
			Type: "result", Batch: r.plan.Batch, Interrupted: interrupted, Output: path, Rows: result.Rows, Linked: result.Linked,
			Waiting: result.Waiting, Failed: result.Failed, Refused: result.Refused, NotSent: result.NotSent,
		})
	}
	out := r.streams.Out
	have := "have their link"
	if result.Rows == 1 {
		have = "has its link"
	}
	fmt.Fprintf(out, "%s of %s %s", number(result.Linked), countedRows(result.Rows), have)
	for _, l := range []planLine{
		{"waiting", result.Waiting, ""}, {"failed", result.Failed, ""}, {"refused", result.Refused, ""}, {"not sent", result.NotSent, ""},
	} {
		if l.n > 0 {
			fmt.Fprintf(out, ", %s %s", number(l.n), l.name)
		}
	}
	fmt.Fprintf(out, "\nresult: %s\n", path)
	if interrupted && result.NotSent > 0 {
		fmt.Fprintf(out, "the same command again goes on; this gives the batch up:\n  hpplink bulk cancel %s\n", r.plan.Batch)
	} else if interrupted && result.Waiting > 0 {
		fmt.Fprintf(out, "the orders are worked on all the same. The same command again waits on and\n"+
			"writes the result; this gives the batch up:\n  hpplink bulk cancel %s\n", r.plan.Batch)
	} else if result.Failed > 0 {
		fmt.Fprintln(out, "the same command with --retry-failed tries the failed ones again")
	}
	return nil
}

func countedRows(n int) string { return plural(n, "row") }

func countedOrders(n int) string { return plural(n, "order") }

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return number(n) + " " + what
}

// number writes a count as people read it.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
