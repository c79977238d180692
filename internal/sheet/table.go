package sheet

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// table knows what the header row says: which column is which field.
type table struct {
	headerRow int
	format    Format
	all       []Column
	fields    []field // of the columns; the zero field for those that are no part of the order
	ours      []bool  // columns that hpplink added
	result    bool
	escaped   bool // cells have hpplink's apostrophe, see escape
	shape     *member
	problems  []Problem
}

func newTable(header record, m Mapping, format Format) *table {
	t := &table{headerRow: header.number, format: format}
	t.result, t.escaped = marks(header.cells)
	n := len(header.cells)
	t.all, t.fields, t.ours = make([]Column, n), make([]field, n), make([]bool, n)
	for i, c := range header.cells {
		t.all[i] = Column{Header: t.unescape(c.text), Letter: letter(i)}
		t.ours[i] = t.result && isResultHeader(c.text)
	}
	t.explicit(m)
	t.matched()
	t.withoutRecipient(m)
	t.shape = shapeOf(t.fields)
	return t
}

// letter names a column, from 0, as spreadsheets do: A, B, … Z, AA.
func letter(i int) string {
	if i >= maxColumns {
		return strconv.Itoa(i + 1) // a text file may have more columns than a spreadsheet
	}
	name := ""
	for n := i + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name
}

func (t *table) unescape(s string) string {
	if t.escaped {
		return unescape(s)
	}
	return s
}

// score rates a row as the header: by how many fields it names, above all the ref. A
// slip counts as a name, so that it is told as one.
func (t *table) score() int {
	n := 0
	for i, f := range t.fields {
		if f.name != "" {
			n += 2
		} else if len(slips(t.all[i].Header)) > 0 {
			n++
		}
	}
	if t.column(refField) >= 0 || t.column(eventField) >= 0 {
		n += 2
	}
	return n
}

func (t *table) column(name string) int {
	return slices.IndexFunc(t.fields, func(f field) bool { return f.name == name })
}

func (t *table) problem(column int, field, format string, args ...any) {
	p := Problem{Field: field, Message: fmt.Sprintf(format, args...)}
	if column >= 0 {
		p.Column = t.all[column].name()
	}
	t.problems = append(t.problems, p)
}

// explicit binds the columns that the mapping names.
func (t *table) explicit(m Mapping) {
	for _, name := range slices.Sorted(maps.Keys(m.Fields)) {
		f, ok := fieldNamed(name)
		if !ok {
			t.problem(-1, "", "%s", unknownField(name))
			continue
		}
		if i := t.find(m.Fields[name]); i >= 0 && t.fields[i].name != "" {
			t.problem(i, f.pointer(), "is mapped to %s and to %s: map it to one", t.fields[i].name, name)
		} else if i >= 0 {
			t.bind(i, f)
		}
	}
	for _, header := range m.Ignore {
		for i, c := range t.all {
			if t.fields[i].name == "" && loose(c.Header) == loose(header) {
				t.all[i].Ignored = true
			}
		}
	}
}

func (t *table) bind(i int, f field) { t.fields[i], t.all[i].Field = f, f.name }

// find returns the column with a header, -1 and a problem if there is none or more than one.
func (t *table) find(header string) int {
	for _, same := range []func(string) bool{
		func(h string) bool { return h == header },
		func(h string) bool { return loose(h) == loose(header) && loose(h) != "" },
	} {
		var all []int
		for i, c := range t.all {
			if !t.ours[i] && same(c.Header) {
				all = append(all, i)
			}
		}
		if len(all) > 1 {
			t.problem(all[0], "", "is the header of %d columns: give each its own", len(all))
			return -1
		}
		if len(all) == 1 {
			return all[0]
		}
	}
	t.problem(-1, "", "the mapping names the header %q, which no column has; the nearest is %q", header, t.nearestHeader(header))
	return -1
}

func (t *table) nearestHeader(header string) string {
	return nearest(header, func(yield func(string) bool) {
		for i, c := range t.all {
			if !t.ours[i] && !yield(c.Header) {
				return
			}
		}
	})
}

// matched binds the columns whose headers are names that we know.
func (t *table) matched() {
	free := func(f field) bool { return t.column(f.name) < 0 }
	found := make(map[int][]field)
	for i, c := range t.all {
		if t.fields[i].name == "" && !c.Ignored && !t.ours[i] {
			found[i] = slices.DeleteFunc(fieldsFor(c.Header), func(f field) bool { return !free(f) })
		}
	}
	for _, i := range slices.Sorted(maps.Keys(found)) {
		switch all := found[i]; {
		case len(all) > 1:
			t.problem(i, "", "may be %s: say in the mapping which, or ignore it", alternatives(all))
		case len(all) == 1 && !free(all[0]):
			t.problem(i, all[0].pointer(), "is %s, and so is %q: map the right one, or ignore the other",
				all[0].name, t.all[t.column(all[0].name)].name())
		case len(all) == 1:
			t.bind(i, all[0])
		default:
			t.unnamed(i)
		}
	}
	t.slips(free)
}

// fieldsFor are the fields that a header may mean.
func fieldsFor(header string) []field {
	trimmed := strings.TrimSpace(header)
	for _, prefix := range anyMembers {
		if len(trimmed) > len(prefix) && strings.EqualFold(trimmed[:len(prefix)], prefix) {
			return []field{{name: prefix + trimmed[len(prefix):]}}
		}
	}
	return slices.Clone(known[loose(header)])
}

func alternatives(all []field) string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	return strings.Join(names, " or ")
}

// unnamed refuses a header that is written like a field with dots but is none.
func (t *table) unnamed(i int) {
	header := strings.ToLower(strings.TrimSpace(t.all[i].Header))
	object, _, dotted := strings.Cut(header, ".")
	if dotted && slices.ContainsFunc(fields, func(f field) bool { return strings.HasPrefix(f.name, object+".") }) {
		t.problem(i, "", "is no field of an order; the nearest is %q. Rename it, or ignore it in the mapping", nearestField(header))
		t.all[i].Ignored = true
	}
}

// slips refuses headers that are nearly the name of a field that no column fills.
func (t *table) slips(free func(field) bool) {
	for i, c := range t.all {
		if c.Field != "" || c.Ignored || t.ours[i] || len(fieldsFor(c.Header)) > 0 {
			continue
		}
		if all := slices.DeleteFunc(slips(c.Header), func(f field) bool { return !free(f) }); len(all) > 0 {
			t.problem(i, all[0].pointer(), "is nearly a name of %s: correct it, map it, or ignore it in the mapping", alternatives(all))
		}
	}
}

// withoutRecipient takes a customer's name for no part of the order when no email is asked
// for, unless the mapping says that it is.
func (t *table) withoutRecipient(m Mapping) {
	if t.column("delivery.email.to") >= 0 {
		return
	}
	for i, f := range t.fields {
		if _, told := m.Fields[f.name]; strings.HasPrefix(f.name, "delivery.email.") && !told {
			t.bind(i, field{})
		}
	}
}

// check returns a *HeaderError if the header leaves anything in doubt.
func (t *table) check() error {
	event := t.column(eventField)
	if event < 0 && t.column(refField) < 0 {
		t.problem(-1, "/"+refField, "no column is the order's ref (merchant_txn_ref): call one \"Order ID\" or \"Invoice No.\", "+
			"or say in the mapping which it is. If the header stands below row %d of the filled ones, move it up", headerRows)
	}
	for i, f := range t.fields {
		if event >= 0 && i != event && f.name != "" {
			t.problem(i, "", "is a field of an order, which %s has already: ignore one of them in the mapping", eventHeader)
		}
	}
	if len(t.problems) > 0 {
		return &HeaderError{Row: t.headerRow, Problems: t.problems}
	}
	return nil
}

// own are the file's own columns.
func (t *table) own() []Column {
	var all []Column
	for i, c := range t.all {
		if !t.ours[i] {
			all = append(all, c)
		}
	}
	return all
}

func (t *table) hide(hidden func(column int) bool) {
	for i := range t.all {
		t.all[i].Hidden = hidden(i)
	}
}

// ColumnFor returns the header of the column that fills an order's field, given as a JSON
// pointer, so that a problem of the order can be told as one of the row. For an object it
// is the first column that fills a member of it, or the one that fills all of it. It reports
// false if no column fills it: then a merchant's default is due.
func (r *Reader) ColumnFor(pointer string) (header string, ok bool) {
	if r.table == nil || pointer == "" {
		return "", false
	}
	best, at := "", -1
	for i, f := range r.table.fields {
		if f.name == "" {
			continue
		}
		p := f.pointer()
		if p == pointer {
			return r.table.all[i].name(), true
		}
		within := strings.HasPrefix(p, pointer+"/") || strings.HasPrefix(pointer, p+"/")
		if within && (at < 0 || len(p) < len(best)) {
			best, at = p, i
		}
	}
	if at < 0 {
		return "", false
	}
	return r.table.all[at].name(), true
}
