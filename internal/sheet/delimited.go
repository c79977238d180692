package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// delimited reads CSV and its kin. encoding/csv would lose what we need: it skips empty
// lines, so that rows can no longer be numbered as a person sees them, turns CR LF inside
// a cell into LF, and reads to the end of the file for a quote that is never closed.
type delimited struct {
	text  *bufio.Reader
	comma byte
	file  io.Closer
	row   int
	buf   []byte // of the row
	ends  []int  // of its cells, in buf
}

func newDelimited(text *bufio.Reader, comma byte, file io.Closer) *delimited {
	return &delimited{text: text, comma: comma, file: file}
}

func (d *delimited) close() error {
	if d.file == nil {
		return nil
	}
	return d.file.Close()
}

// next returns the next row, an empty one too.
func (d *delimited) next() (record, error) {
	d.buf, d.ends = d.buf[:0], d.ends[:0]
	if _, err := d.text.Peek(1); err != nil {
		return record{}, err
	}
	d.row++
	for {
		more, err := d.cell()
		if err != nil {
			return record{}, err
		}
		d.ends = append(d.ends, len(d.buf))
		if !more {
			return d.record(), nil
		}
		if len(d.ends) > maxColumns {
			return record{}, d.fault("has more than 16,384 cells: is a line break missing?")
		}
	}
}

func (d *delimited) record() record {
	all, start := string(d.buf), 0
	cells := make([]cell, len(d.ends))
	for i, end := range d.ends {
		cells[i].text = all[start:end]
		start = end
	}
	return record{number: d.row, cells: cells}
}

func (d *delimited) fault(message string) error { return &FileError{Row: d.row, Message: message} }

// cell appends a cell's text to buf. It tells whether another one follows in the row.
func (d *delimited) cell() (more bool, err error) {
	if next, _ := d.text.Peek(1); len(next) == 1 && next[0] == '"' {
		_, _ = d.text.Discard(1)
		if err := d.quoted(); err != nil {
			return false, err
		}
	}
	for {
		b, err := d.text.ReadByte()
		if errors.Is(err, io.EOF) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		switch {
		case b == d.comma:
			return true, nil
		case b == '\n':
			return false, nil
		case b == '\r':
			d.skip('\n')
			return false, nil
		}
		if err := d.add(b); err != nil {
			return false, err
		}
	}
}

func (d *delimited) skip(b byte) bool {
	next, _ := d.text.Peek(1)
	if len(next) == 0 || next[0] != b {
		return false
	}
	_, _ = d.text.Discard(1)
	return true
}

func (d *delimited) add(b byte) error {
	if d.buf = append(d.buf, b); len(d.buf) > maxRowBytes {
		return d.fault("is longer than 1 MiB: is a quotation mark never closed?")
	}
	return nil
}

// quoted reads up to the closing quotation mark, which a line end or the next cell must follow.
func (d *delimited) quoted() error {
	for {
		b, err := d.text.ReadByte()
		if errors.Is(err, io.EOF) {
			return d.fault("has a quotation mark that is never closed: close it, or save the file again from a spreadsheet program")
		} else if err != nil {
			return err
		}
		if b == '"' && !d.skip('"') {
			return d.closed()
		}
		if err := d.add(b); err != nil {
			return err
		}
	}
}

func (d *delimited) closed() error {
	next, _ := d.text.Peek(1)
	if len(next) == 0 || next[0] == d.comma || next[0] == '\n' || next[0] == '\r' {
		return nil
	}
	return d.fault("has text behind a closing quotation mark: write a quotation mark inside a cell twice, \"\"")
}

// delimiter finds out what stands between cells: what names the most fields, else what
// makes the most cells. hint tells that the first line is one for spreadsheet programs, "sep=;".
func delimiter(text *bufio.Reader, format Format, m Mapping) (comma byte, hint bool, err error) {
	head, err := text.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	if len(head) >= 6 && strings.EqualFold(string(head[:4]), "sep=") && (head[5] == '\r' || head[5] == '\n') {
		return head[4], true, nil
	}
	if format == TSV {
		return '\t', false, nil
	}
	best := -1
	for _, c := range []byte(",;\t") {
		if s := separates(head, c, m); s > best {
			best, comma = s, c
		}
	}
	return comma, false, nil
}

// separates rates a delimiter by the best of the first rows.
func separates(head []byte, comma byte, m Mapping) int {
	d, best := newDelimited(bufio.NewReader(bytes.NewReader(head)), comma, nil), 0
	for range headerRows {
		rec, err := d.next()
		if err != nil {
			break
		}
		named := 0
		for _, c := range rec.cells {
			if len(fieldsFor(c.text)) > 0 || m.names(c.text) {
				named++
			}
		}
		best = max(best, named*maxColumns+len(rec.cells))
	}
	return best
}
