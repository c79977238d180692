package order

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Encode writes the event again as compact JSON, keys always in the same order,
// the amount as a number. Decode reads from it the same order. Of an order that
// Validate refuses it writes what there is, which may not be JSON.
func (o *Order) Encode() []byte { return o.encode(func(field) bool { return true }) }

func (o *Order) encode(wanted func(field) bool) jsontext.Value {
	all := make([]member, 0, len(fields))
	for _, f := range fields {
		if wanted(f) {
			all = append(all, member{f.name, f.write(o)})
		}
	}
	return compact(appendObject(nil, all))
}

// appendObject writes an object of the members that have a value.
func appendObject(dst jsontext.Value, all []member) jsontext.Value {
	dst = append(dst, '{')
	for _, m := range all {
		if m.value == nil {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(dst, quote(m.name)...)
		dst = append(dst, ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// quote writes a JSON string. Invalid UTF-8, which Validate refuses, becomes U+FFFD.
func quote(s string) jsontext.Value {
	v, _ := jsontext.AppendQuote(nil, s)
	return v
}

func quoteUnlessEmpty(s string) jsontext.Value {
	if s == "" {
		return nil
	}
	return quote(s)
}

// unquote returns a JSON string's text; v must be a valid one.
func unquote(v jsontext.Value) string {
	s, _ := jsontext.AppendUnquote(nil, v)
	return string(s)
}

// find returns the value of an object's member, nil when it has none.
func find(all []member, name string) jsontext.Value {
	i := slices.IndexFunc(all, func(m member) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return all[i].value
}
