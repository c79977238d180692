package bulk

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/sheet"
)

// What a result calls rows that the ledger has no order for.
const (
	StateInvalid  = "invalid"  // it is no valid order
	StateConflict = "conflict" // another order has its ref
	StateNotSent  = "not_sent" // it was not handed in yet
)

// Result counts how the rows of a file stand.
type Result struct {
	Rows    int
	Linked  int // have their link
	Failed  int
	Waiting int
	Refused int // are invalid or in conflict
	NotSent int
}

// Complete reports whether every row has its link.
func (r Result) Complete() bool { return r.Linked == r.Rows }

func (r *Result) count(o sheet.Outcome) {
	r.Rows++
	switch o.State {
	case string(ledger.Issued):
		r.Linked++
	case string(ledger.Failed):
		r.Failed++
	case StateInvalid, StateConflict:
		r.Refused++
	case StateNotSent:
		r.NotSent++
	case StateForgotten: // it was settled, but nobody knows how
	default:
		r.Waiting++
	}
}

// summary is for workbooks.
func (r Result) summary(p *Plan) []sheet.SummaryLine {
	lines := []sheet.SummaryLine{{Name: "batch", Value: p.Batch}, {Name: "file", Value: p.Label}}
	for _, l := range []struct {
		name string
		n    int
	}{{"rows", r.Rows}, {"with a link", r.Linked}, {"waiting", r.Waiting}, {"failed", r.Failed}, {"refused", r.Refused}, {"not sent", r.NotSent}} {
		lines = append(lines, sheet.SummaryLine{Name: l.name, Value: strconv.Itoa(l.n)})
	}
	for _, t := range p.Totals {
		lines = append(lines, sheet.SummaryLine{Name: "total " + t.Currency, Value: t.String()})
	}
	return lines
}

// WriteResult writes every row of the file with what has become of it by now. The file appears under its path at once, whole.
func (d *Desk) WriteResult(ctx context.Context, in *Input, p *Plan, path string, format sheet.Format) (Result, error) {
	r, err := in.open()
	if err != nil {
		return Result{}, err
	}
	defer r.Close()
	w, err := sheet.Create(path, format, p.Columns)
	if err != nil {
		return Result{}, err
	}
	defer w.Abort()
	var result Result
	try := func(ctx context.Context, page *page) error {
		if page.first+len(page.rows) > p.notes.n {
			return ErrChanged
		}
		return d.try(ctx, page, func(index int) bool { return p.notes.at(index).verdict != invalid })
	}
	err = pages(ctx, r, try, func(page *page) error {
		for i, row := range page.rows {
			o := p.outcome(p.notes.at(page.first+i), row, page.receipts[i], r.ColumnFor)
			result.count(o)
			if err := w.Write(row, o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	return result, w.Close(result.summary(p)...)
}

// outcome says what has become of a row.
func (p *Plan) outcome(n *note, row sheet.Row, r intake.Receipt, columnFor func(string) (string, bool)) sheet.Outcome {
	other, clashes := p.others[n.number]
	switch {
	case len(row.Problems) > 0 || r.Status == intake.Rejected:
		return refusal(StateInvalid, KindInvalid, joined(problemsOf(row, r, columnFor)))
	case r.Status == intake.Known:
		return outcomeOf(r.Record)
	case r.Status == intake.Conflict:
		return refusal(StateConflict, KindConflict, conflictMessage(r))
	case clashes && n.verdict == clash:
		return refusal(StateConflict, KindClash, clashing(n.number, other).Message)
	}
	return sheet.Outcome{State: StateNotSent, Failed: true}
}

func refusal(state string, code Kind, message string) sheet.Outcome {
	return sheet.Outcome{State: state, ErrorCode: string(code), ErrorMessage: message, Failed: true}
}

func joined(all []Finding) string {
	lines := make([]string, len(all))
	for i, f := range all {
		if f.Column == "" {
			f.Column = strings.ReplaceAll(strings.TrimPrefix(f.field, "/"), "/", ".")
		}
		lines[i] = f.String()
	}
	return strings.Join(lines, "; ")
}

// outcomeOf says how an order stands.
func outcomeOf(r ledger.Record) sheet.Outcome {
	return sheet.Outcome{
		State: string(r.State), Link: r.Link.URL, LinkID: r.Link.ID, ErrorCode: r.Code, ErrorMessage: cmp.Or(r.Message, r.Why),
		Attempts: r.Attempts, Uncertain: r.Uncertain, EmailState: string(r.Email.State), Failed: r.State == ledger.Failed,
	}
}
