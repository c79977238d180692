package sheet

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// member is a member of the event: a cell's, or an object of such.
type member struct {
	name    string
	column  int // of the cell; of no use with members
	members []*member
}

// shapeOf lays out the event that a row's cells make.
func shapeOf(fields []field) *member {
	root := &member{}
	for i, f := range fields {
		if f.name == "" {
			continue
		}
		at := root
		for _, name := range f.path() {
			at = at.member(name)
		}
		at.column = i
	}
	return root
}

func (m *member) member(name string) *member {
	i := slices.IndexFunc(m.members, func(c *member) bool { return c.name == name })
	if i < 0 {
		m.members = append(m.members, &member{name: name})
		i = len(m.members) - 1
	}
	return m.members[i]
}

// append writes the member's value, nothing if no cell of it has one.
func (m *member) append(dst []byte, values []jsontext.Value) []byte {
	if m.members == nil {
		return append(dst, values[m.column]...)
	}
	start := len(dst)
	dst = append(dst, '{')
	for _, c := range m.members {
		before := len(dst)
		if dst[before-1] != '{' {
			dst = append(dst, ',')
		}
		dst, _ = jsontext.AppendQuote(dst, c.name)
		dst = append(dst, ':')
		bare := len(dst)
		if dst = c.append(dst, values); len(dst) == bare {
			dst = dst[:before]
		}
	}
	if dst[len(dst)-1] == '{' {
		return dst[:start]
	}
	return append(dst, '}')
}

func quote(s string) jsontext.Value {
	v, _ := jsontext.AppendQuote(nil, s)
	return v
}
