package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/go-json-experiment/json/jsontext"
)

// resultMember holds the order event in a line of a result.
const resultMember = "order"

func openJSONL(f *os.File, encoding string, array bool) (*Reader, error) {
	text, _, err := decodeText(f, encoding)
	if err != nil {
		return nil, err
	}
	info := Info{Format: JSONL, Encoding: encoding}
	if array {
		in := &boundedReader{from: text, left: maxRowBytes, all: math.MaxInt64}
		dec := jsontext.NewDecoder(in, jsontext.AllowDuplicateNames(true)) // the order's own decoder tells of them
		if _, err := dec.ReadToken(); err != nil {
			return nil, &FileError{Message: "is no JSON", Err: errNoJSON}
		}
		return &Reader{info: info, src: &jsonArray{dec: dec, in: in, file: f}}, nil
	}
	return &Reader{info: info, src: &jsonLines{text: text, file: f}}, nil
}

var errNoJSON = errors.New("write one order event a line, or an array of them")

// jsonLines reads an order event a line.
type jsonLines struct {
	text *bufio.Reader
	file io.Closer
	row  int
}

func (j *jsonLines) close() error { return j.file.Close() }

func (j *jsonLines) next() (record, error) {
	var line []byte
	for {
		part, err := j.text.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxRowBytes {
			return record{}, &FileError{Row: j.row + 1, Message: "the line is longer than 1 MiB: write one order event a line"}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = nil
		}
		if err != nil {
			return record{}, err
		}
		j.row++
		return record{number: j.row, cells: []cell{{text: string(bytes.TrimRight(line, "\r\n"))}}}, nil
	}
}

// jsonArray reads the order events of an array, numbered from 1.
type jsonArray struct {
	dec  *jsontext.Decoder
	in   *boundedReader
	file io.Closer
	row  int
}

func (j *jsonArray) close() error { return j.file.Close() }

func (j *jsonArray) next() (record, error) {
	j.row++
	j.in.left = maxRowBytes
	if j.dec.PeekKind() == ']' {
		return record{}, io.EOF
	}
	v, err := j.dec.ReadValue()
	if err != nil {
		return record{}, &FileError{Row: j.row, Message: fmt.Sprintf("is no JSON at byte %d", j.dec.InputOffset()), Err: errNoJSON}
	}
	return record{number: j.row, cells: []cell{{text: string(v)}}}, nil
}

// eventRow makes a row of a line. Of a result's line it is the order within.
func eventRow(rec record) Row {
	c := rec.cells[0]
	v, fault := field{name: eventField, kind: whole}.value(c)
	if inner, ours := resultOrder(v); ours {
		if c.text, v = string(inner), inner; v == nil {
			fault = "is a row of a result that was refused: correct it where it came from"
		}
	}
	row := Row{Number: rec.number, Cells: []string{c.text}, Event: v}
	if fault != "" {
		row.Problems = []Problem{{Message: fault}}
	}
	return row
}

// resultOrder tells whether v is a result's line, and returns the order event in it, nil if
// the row was refused.
func resultOrder(v jsontext.Value) (order jsontext.Value, ours bool) {
	if !bytes.Contains(v, []byte(`"hpplink"`)) {
		return nil, false
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(v))
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, false
		}
		key := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		ours = ours || key == "hpplink"
		if key == resultMember && value.Kind() == '{' {
			order = value.Clone()
		}
	}
	return order, ours
}
