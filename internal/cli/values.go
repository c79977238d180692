package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/order"
)

// eachBatch reads JSON values (one, many, or an array of them) and hands them on, up to n at
// once. Where there is one value a line, a broken line is handed on like any other, so that it
// is answered and the next one is not held up. Otherwise the first broken value ends it.
func eachBatch(in io.Reader, n int, f func([][]byte) error) error {
	b := batch{size: n, f: f}
	r := bufio.NewReaderSize(in, order.MaxBytes)
	first, err := r.Peek(order.MaxBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if mark := []byte("\ufeff"); bytes.HasPrefix(first, mark) {
		_, _ = r.Discard(len(mark))
		first = first[len(mark):]
	}
	if aValueALine(first) {
		err = eachLine(r, &b)
	} else {
		err = eachValue(r, &b)
	}
	return errors.Join(b.flush(), err)
}

// aValueALine tells whether there is one value a line: the first line that is not empty holds a whole value and another
// line follows, or the second one holds a whole object, which in an object of many lines it does not. In an array it may.
func aValueALine(head []byte) bool {
	line, rest, more := bytes.Cut(trimmed(head), []byte("\n"))
	rest = trimmed(rest)
	if !more || len(rest) == 0 {
		return false
	}
	second, _, _ := bytes.Cut(rest, []byte("\n"))
	return jsontext.Value(line).IsValid() || line[0] != '[' && second[0] == '{' && jsontext.Value(second).IsValid()
}

// trimmed takes off what is white space in JSON, and no more: other ways in would not.
func trimmed(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }

func eachLine(r *bufio.Reader, b *batch) error {
	for {
		line, err := r.ReadBytes('\n')
		if line = trimmed(line); len(line) > 0 {
			if err := b.add(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func eachValue(r *bufio.Reader, b *batch) error {
	// Names given twice and invalid UTF-8 are for the order to refuse, with its own words.
	dec := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	array := dec.PeekKind() == '['
	if array {
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
	}
	for number := 1; ; number++ {
		if array && dec.PeekKind() == ']' {
			return nil
		}
		v, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("order %d of the input is not JSON: mend it, and send all of the input again; those before it were handed in, those after it were not: %w", number, err)
		}
		if err := b.add(bytes.Clone(v)); err != nil {
			return err
		}
	}
}

// batch collects values until there are enough.
type batch struct {
	size   int
	f      func([][]byte) error
	values [][]byte
}

func (b *batch) add(v []byte) error {
	b.values = append(b.values, v)
	if len(b.values) < b.size {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	values := b.values
	b.values = nil
	if len(values) == 0 {
		return nil
	}
	return b.f(values)
}
