package order

import (
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds the answer to an event that is wrong in thousands of places.
const maxProblems = 100

// Problem is one thing wrong with an order. Message tells the remedy and never
// repeats personal data.
type Problem struct {
	Field   string `json:"field"` // JSON pointer, "/billing_address/country"; "" is the event as a whole
	Message string `json:"message"`
}

// InvalidError lists everything that is wrong with an order.
type InvalidError struct{ Problems []Problem }

// Error returns one line that names every field and what is wrong with it.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		if lines[i] = p.Message; p.Field != "" {
			lines[i] = p.Field + ": " + p.Message
		}
	}
	return "invalid order: " + strings.Join(lines, "; ")
}

// FormError returns what Decode could not make sense of, unknown keys and wrong types, as an
// *InvalidError, or nil. An order that we have stored has no such problems, unless a newer version
// stored it.
func (o *Order) FormError() error {
	if len(o.form) == 0 {
		return nil
	}
	return &InvalidError{Problems: o.form}
}

func undecodable(format string, args ...any) error {
	return &InvalidError{Problems: []Problem{{Message: fmt.Sprintf(format, args...)}}}
}

// report collects problems. A field whose form was wrong already, or whose
// parent's was, gets no further ones: they would only follow from the first.
type report struct {
	problems  []Problem
	malformed map[string]bool
}

func newReport(form []Problem) *report {
	r := &report{problems: slices.Clone(form), malformed: make(map[string]bool, len(form))}
	for _, p := range form {
		r.malformed[p.Field] = true
	}
	return r
}

func (r *report) add(field, format string, args ...any) {
	for at := field; at != ""; at = at[:strings.LastIndexByte(at, '/')] {
		if r.malformed[at] {
			return
		}
	}
	r.problems = append(r.problems, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
}

// err returns the problems sorted by field as an *InvalidError, or nil.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
	if more := len(r.problems) - maxProblems; more > 0 {
		r.problems = append(r.problems[:maxProblems],
			Problem{Message: fmt.Sprintf("and %d further problems: mend these first", more)})
	}
	return &InvalidError{Problems: r.problems}
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// pointer appends a member's name to a JSON pointer, bounded since names may be
// anything a producer sends.
func pointer(parent, name string) string { return parent + "/" + pointerEscapes.Replace(cut(name)) }

// cut bounds what messages repeat.
func cut(s string) string { return cutTo(s, 40) }

// cutTo keeps so many characters.
func cutTo(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
