package bulk

import (
	"fmt"
	"strings"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/sheet"
)

const refPointer = "/merchant_txn_ref"

// Kind is why a row does not become an order.
type Kind string

const (
	KindInvalid  Kind = "invalid"
	KindClash    Kind = "conflict_in_file"
	KindConflict Kind = "conflict"
)

// Finding is something about a row that somebody has to look at. Message says what and the remedy, and repeats no cell.
type Finding struct {
	Row     int    `json:"row"` // as the spreadsheet program shows it
	Kind    Kind   `json:"kind"`
	Column  string `json:"column,omitempty"` // its header, or the field's name where no column has it; "" for the whole row
	Message string `json:"message"`

	field string // JSON pointer
}

// String is a finding as a person reads it.
func (f Finding) String() string {
	if f.Column == "" {
		return f.Message
	}
	return f.Column + ": " + f.Message
}

// problemsOf lists all that is wrong with a row: with its cells, and then with the order that they make, but for what only
// follows from a cell that was refused.
func problemsOf(row sheet.Row, r intake.Receipt, columnFor func(pointer string) (string, bool)) []Finding {
	var all []Finding
	refused := map[string]bool{}
	for _, p := range row.Problems {
		all = append(all, Finding{Row: row.Number, Kind: KindInvalid, Column: p.Column, Message: p.Message, field: p.Field})
		refused[p.Field] = true
	}
	if refused[""] || row.Event == nil && len(all) > 0 {
		return all
	}
	for _, p := range r.Problems {
		if refused[p.Field] || refused[parentOf(p.Field)] {
			continue
		}
		column, _ := columnFor(p.Field)
		all = append(all, Finding{Row: row.Number, Kind: KindInvalid, Column: column, Message: p.Message, field: p.Field})
	}
	return all
}

func parentOf(pointer string) string { return pointer[:max(0, strings.LastIndexByte(pointer, '/'))] }

func clashing(number, other uint32) Finding {
	return Finding{
		Row: int(number), Kind: KindClash, field: refPointer,
		Message: fmt.Sprintf("row %d has the same ref and says something else: correct one of them, or delete it", other),
	}
}

func differing(row sheet.Row, r intake.Receipt) Finding {
	return Finding{Row: row.Number, Kind: KindConflict, Message: conflictMessage(r)}
}

func conflictMessage(r intake.Receipt) string {
	switch {
	case r.Record.State == ledger.Failed && len(r.Differs) > 0:
		return "differs in " + strings.Join(r.Differs, ", ") + " from the order under this ref, which has failed, and either a link may exist at the " +
			"gateway, or this is what it was before a correction: look there, then hand in what is right with 'hpplink enqueue --reissue'"
	case len(r.Differs) == 0:
		return "another order is known under this ref, and it is untouched: give this one another ref"
	}
	return "differs in " + strings.Join(r.Differs, ", ") + " from the order that is known under this ref, and that one is untouched: " +
		"give this one another ref, or correct it"
}
