package sheet

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// row makes a row's event of its cells.
func (t *table) row(rec record) Row {
	row := Row{Number: rec.number, Hidden: rec.hidden, Cells: make([]string, 0, len(t.all))}
	t.beyond(&row, rec)
	if rec.hidden {
		row.Problems = append(row.Problems, Problem{Message: "the row is hidden, perhaps by a filter: show it, or delete it if it is not meant"})
	}
	outOfJoint := len(row.Problems) > 0
	values := make([]jsontext.Value, len(t.all))
	for i, f := range t.fields {
		var c cell
		if i < len(rec.cells) {
			c = rec.cells[i]
		}
		c.text = t.unescape(c.text)
		if f.name != "" {
			before := len(row.Problems)
			values[i] = t.value(&row, i, c)
			if len(row.Problems) > before || outOfJoint && (f.name == refField || f.kind == whole) {
				c.text = refusedAgain(f, c.text)
			}
		}
		if !t.ours[i] {
			row.Cells = append(row.Cells, c.text)
		}
	}
	t.event(&row, values)
	return row
}

// value returns a cell's value, nil if it has none, perhaps with a problem.
func (t *table) value(row *Row, i int, c cell) jsontext.Value {
	f := t.fields[i]
	v, fault := f.value(c)
	if fault == "" && !t.result && strings.HasPrefix(c.text, "'") && formulaApostrophe.MatchString(c.text) {
		v, fault = nil, "begins with an apostrophe before a formula's character, perhaps in a result of hpplink that "+
			"has lost its column hpplink_state: remove the apostrophe"
	}
	if fault != "" {
		row.Problems = append(row.Problems, Problem{Column: t.all[i].name(), Field: f.pointer(), Message: fault})
	}
	return v
}

// refusedAgain is a refused cell as the result has it: one that is refused there too.
func refusedAgain(f field, text string) string {
	if _, fault := f.value(cell{text: text}); fault != "" {
		return text
	}
	return refused(text)
}

// beyond refuses a row with more cells than the header, blank ones too. In text a comma too
// many has moved all that follow it to the wrong columns: of A-1,1,250, the amount would be 1.
// A note at the side of a workbook has moved nothing.
func (t *table) beyond(row *Row, rec record) {
	if t.format != XLSX && len(rec.cells) > len(t.all) {
		row.Problems = append(row.Problems, Problem{Message: fmt.Sprintf("the row has %d cells and the header %d, so that they may stand in the wrong columns: "+
			"put a cell that has the delimiter in it into quotation marks", len(rec.cells), len(t.all))})
	}
}

func (t *table) event(row *Row, values []jsontext.Value) {
	if i := t.column(eventField); i >= 0 {
		row.Event = values[i]
		return
	}
	if i := t.column("delivery.email.to"); i >= 0 && values[i] == nil {
		for k, f := range t.fields { // a name asks for no email
			if strings.HasPrefix(f.name, "delivery.email.") {
				values[k] = nil
			}
		}
	}
	if row.Event = t.shape.append(nil, values); len(row.Event) == 0 {
		row.Event = []byte("{}")
	}
}
