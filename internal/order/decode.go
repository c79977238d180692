package order

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxBytes is the largest event that Decode reads.
const MaxBytes = 64 << 10

// MaxDepth is how deeply an event's objects and arrays may nest, itself included.
const MaxDepth = 32

// Decode reads an order event. It fails with an *InvalidError, and without an
// order, only when nothing can be read at all: too large, not one JSON object,
// names given twice, invalid UTF-8. Everything else, unknown keys and wrong
// types too, is left to Validate, so that all problems are told at once. A byte
// order mark before the object means nothing, and is passed over. The order keeps
// parts of data, which must not change any more.
func Decode(data []byte) (*Order, error) {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if len(data) > MaxBytes || mayBeDeep(data) {
		if err := wellFormed(data); err != nil {
			return nil, err
		}
	}
	o := &Order{}
	if !members(data, o.read) {
		return nil, why(data)
	}
	return o, nil
}

// mayBeDeep spares almost all events to be looked at token by token.
func mayBeDeep(data []byte) bool {
	return bytes.Count(data, []byte{'{'})+bytes.Count(data, []byte{'['}) > MaxDepth
}

// why says what is wrong with data that could not be read.
func why(data []byte) error {
	if err := wellFormed(data); err != nil {
		return err
	}
	return undecodable("the event cannot be read as JSON: send a JSON object")
}

// read takes one member of the event.
func (o *Order) read(name, v jsontext.Value) {
	if f := fieldByName(name); f != nil {
		f.read(o, compact(v))
		return
	}
	key := unquote(name)
	o.malformed(pointer("", key), "is not a known key; the nearest known one is %q. "+
		"What the gateway takes without documenting it goes into \"extra\"", nearest(key))
}

func (o *Order) malformed(field, format string, args ...any) {
	r := report{problems: o.form}
	r.add(field, format, args...)
	o.form = r.problems
}

// wellFormed checks all that must hold before single fields can be looked at.
func wellFormed(data []byte) error {
	if len(data) > MaxBytes {
		return undecodable("the event has %d bytes: at most %d are taken", len(data), MaxBytes)
	}
	if isUTF16(data) {
		return undecodable("the event is written in UTF-16: encode it as UTF-8")
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(data)) // read in place, unlike any other reader
	if kind := dec.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return notAnObject(dec, kind)
	}
	for {
		_, err := dec.ReadToken()
		switch {
		case err != nil:
			return syntaxError(err)
		case dec.StackDepth() > MaxDepth:
			return undecodable("the event nests deeper than %d levels: flatten it", MaxDepth)
		case dec.StackDepth() == 0:
			return atEnd(dec)
		}
	}
}

// notAnObject tells null from what only begins like it.
func notAnObject(dec *jsontext.Decoder, kind jsontext.Kind) error {
	if _, err := dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	return undecodable("the event is a JSON %s: send one object", kindName(kind))
}

func atEnd(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); errors.Is(err, io.EOF) {
		return nil
	}
	return undecodable("more follows after the event's object: send one object at a time")
}

const byteOrderMark = "\ufeff"

// isUTF16 recognises a text that some systems write where UTF-8 is meant: by its mark, or by the zeros beside its "{".
func isUTF16(data []byte) bool {
	for _, start := range []string{"\xff\xfe", "\xfe\xff", "{\x00", "\x00{"} {
		if bytes.HasPrefix(data, []byte(start)) {
			return true
		}
	}
	return false
}

// syntaxError says what the JSON library found, but not in its words, which
// quote the input.
func syntaxError(err error) error {
	var at *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF) && !errors.As(err, &at):
		return undecodable("the event is empty: send a JSON object")
	case !errors.As(err, &at):
		return undecodable("the event cannot be read as JSON: send a JSON object")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return undecodable("the key %q is given twice (at byte %d): keep one of them", cut(at.JSONPointer.LastToken()), at.ByteOffset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return undecodable("the event is cut short after byte %d: send all of it", at.ByteOffset)
	case strings.Contains(at.Err.Error(), "surrogate"):
		return undecodable("the event has half of a character (an escape from \\ud800 to \\udfff without its other half) at byte %d: "+
			"write both halves, or the character itself", at.ByteOffset)
	case strings.Contains(at.Err.Error(), "UTF-8"):
		return undecodable("the event is not valid UTF-8 at byte %d: encode its text as UTF-8", at.ByteOffset)
	}
	return undecodable("the event is not valid JSON at byte %d: write it by RFC 8259, which has no comments, final commas, single quotes, "+
		"bare line breaks in texts or numbers like NaN, 01 and 0x10", at.ByteOffset)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	case 'n':
		return "null"
	}
	return "boolean"
}

// nearest returns the known key that needs the fewest edits.
func nearest(name string) string {
	name = strings.ReplaceAll(strings.ToLower(cut(name)), "-", "_")
	best, least := "", math.MaxInt
	for _, f := range fields {
		if d := levenshtein.ComputeDistance(name, f.name); d < least {
			best, least = f.name, d
		}
	}
	return best
}
