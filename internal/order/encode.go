package order

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Encode writes the event again as compact JSON, keys always in the same order,
// the amount as a number. Decode reads from it the same order. Of an order that
// Validate refuses it writes what there is, which may not be JSON.
func (o *Order) Encode() []byte { return o.encode(func(*field) bool { return true }) }

func (o *Order) encode(wanted func(*field) bool) jsontext.Value {
	dst := append(make(jsontext.Value, 0, o.room()), '{')
	for i := range fields {
		if f := &fields[i]; wanted(f) {
			dst = f.append(dst, o)
		}
	}
	return compact(append(dst, '}'))
}

// append writes the field's name and value, or nothing when it is absent.
func (f *field) append(dst jsontext.Value, o *Order) jsontext.Value {
	before := len(dst)
	dst = appendName(dst, f.name)
	begin := len(dst)
	if dst = f.write(dst, o); len(dst) == begin {
		return dst[:before]
	}
	return dst
}

// value writes the field's value by itself, nil when it is absent.
func (f *field) value(o *Order) jsontext.Value { return f.write(nil, o) }

// room is about how much the event takes.
func (o *Order) room() int {
	const names, texts = 320, 320
	return names + texts + len(o.ReturnURL) + len(o.PaymentMethod) + len(o.BillingAddress) + len(o.ShippingAddress) + len(o.Extra)
}

// appendName begins a member.
func appendName(dst jsontext.Value, name string) jsontext.Value {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(appendQuoted(dst, name), ':')
}

// appendObject writes an object of the members that have a value.
func appendObject(dst jsontext.Value, all []member) jsontext.Value {
	dst = append(dst, '{')
	for _, m := range all {
		if m.value != nil {
			dst = append(appendName(dst, m.name), m.value...)
		}
	}
	return append(dst, '}')
}

// appendQuoted writes a JSON string. Invalid UTF-8, which Validate refuses, becomes U+FFFD.
func appendQuoted(dst jsontext.Value, s string) jsontext.Value {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

func appendUnlessEmpty(dst jsontext.Value, s string) jsontext.Value {
	if s == "" {
		return dst
	}
	return appendQuoted(dst, s)
}

func quote(s string) jsontext.Value { return appendQuoted(nil, s) }

func quoteUnlessEmpty(s string) jsontext.Value { return appendUnlessEmpty(nil, s) }

// unquote returns a JSON string's text; v must be a valid one.
func unquote(v jsontext.Value) string {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	s, _ := jsontext.AppendUnquote(nil, v)
	return string(s)
}
