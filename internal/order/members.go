package order

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// reader is a decoder that reads bytes where they are. Decoders are kept: the
// larger part of what a small object costs is to make one.
type reader struct {
	in  bytes.Buffer
	dec *jsontext.Decoder
}

var readers = sync.Pool{New: func() any { return &reader{dec: jsontext.NewDecoder(new(bytes.Buffer))} }}

func (r *reader) reset(v jsontext.Value) {
	r.in = *bytes.NewBuffer(v)
	r.dec.Reset(&r.in)
}

// members gives each member of a JSON object to take, name and value as parts of
// v, the name in its quotes. It reports false if v is anything but one object by
// RFC 7493; take may have had some members by then.
func members(v jsontext.Value, take func(name, value jsontext.Value)) bool {
	r := readers.Get().(*reader)
	r.reset(v)
	ok := r.object(take)
	r.reset(nil) // lets go of v
	readers.Put(r)
	return ok
}

func (r *reader) object(take func(name, value jsontext.Value)) bool {
	if begin, err := r.dec.ReadToken(); err != nil || begin.Kind() != '{' {
		return false
	}
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return false
		}
		value, err := r.dec.ReadValue()
		if err != nil {
			return false
		}
		take(name, value)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return false
	}
	_, err := r.dec.ReadToken()
	return err == io.EOF
}

type member struct {
	name  string
	value jsontext.Value
}

// membersOf returns an object's members in their order. It reports false, and
// returns none, if v is anything else.
func membersOf(v jsontext.Value) ([]member, bool) {
	all := make([]member, 0, 8)
	if !members(v, func(name, value jsontext.Value) { all = append(all, member{nameOf(name), value}) }) {
		return nil, false
	}
	return all, true
}

// find returns the value of an object's member, nil when it has none.
func find(all []member, name string) jsontext.Value {
	i := slices.IndexFunc(all, func(m member) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return all[i].value
}

// nameOf returns a member's name, without making a new text of one that almost every order has.
func nameOf(quoted jsontext.Value) string {
	if name, ok := usual[string(quoted[1:len(quoted)-1])]; ok {
		return name
	}
	return unquote(quoted)
}

// usual are the documented names within an order's objects.
var usual = func() map[string]string {
	all := map[string]string{}
	for _, name := range slices.Concat(returnURLs, []string{"type", "store_payment_method", "country", "email"}) {
		all[name] = name
	}
	for _, limit := range addressLimits {
		all[limit.name] = limit.name
	}
	return all
}()

// compact returns v without white space between tokens; strings and numbers stay
// as they are written. It is v itself if there is none, else a copy.
func compact(v jsontext.Value) jsontext.Value {
	if isCompact(v) {
		return v[:len(v):len(v)]
	}
	v = v.Clone()
	if err := v.Compact(); err != nil {
		return v // Validate will say that it is no JSON
	}
	return v
}

// isCompact says of valid JSON whether it has no white space between tokens.
func isCompact(v jsontext.Value) bool {
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case ' ', '\t', '\n', '\r':
			return false
		case '"':
			i = endOfString(v, i)
		}
	}
	return true
}

// endOfString returns where the string that begins at i ends.
func endOfString(v jsontext.Value, i int) int {
	for i++; i < len(v) && v[i] != '"'; i++ {
		if v[i] == '\\' {
			i++
		}
	}
	return i
}
