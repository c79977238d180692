// Package sheet turns a spreadsheet into order events, a row each, and writes the
// outcome of each row back beside the row's own columns. It knows spreadsheet
// programs, how they harm cells, and the names of the order event's fields. It does
// not know whether an order is valid, nor Redis, the ledger or the gateway.
//
// A cell is text. What a spreadsheet program did to it on the way (a ref shortened to
// 1.23E+12, a date made of it, an error value) is refused with the remedy, never guessed.
package sheet

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Format is a kind of file.
type Format string

// The formats that are read and written.
const (
	CSV   Format = "csv" // comma, semicolon or tab between cells when read, comma when written
	TSV   Format = "tsv"
	XLSX  Format = "xlsx"
	JSONL Format = "jsonl" // one order event a line; a JSON array of them is read too
)

// FormatOf tells the format by a file name's extension, false if it is none of ours.
func FormatOf(path string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv", ".txt":
		return CSV, true
	case ".tsv", ".tab":
		return TSV, true
	case ".xlsx", ".xlsm":
		return XLSX, true
	case ".jsonl", ".ndjson", ".json":
		return JSONL, true
	}
	return "", false
}

// Options say what cannot be seen in the file. The zero value lets everything be found out.
type Options struct {
	Encoding string  // of text files, a name of the WHATWG list like "shift_jis"; "": found out
	Sheet    string  // of a workbook, by name; "": the first visible one with cells
	Mapping  Mapping // which header is which field; what it does not name is matched by itself
}

// Info is what was found out about a file.
type Info struct {
	Format      Format
	Encoding    string   // of a text file, "utf-8" or another WHATWG name
	Delimiter   rune     // of CSV and TSV
	Sheet       string   // the sheet that is read
	OtherSheets []string // those that are not
	HeaderRow   int      // 0 in JSONL, which has none
	Result      bool     // it is a result that hpplink has written
}

// Column is one of the file's own columns; those that hpplink added to a result are left out.
type Column struct {
	Header  string // as in the file, perhaps empty
	Letter  string // as the spreadsheet program calls it, "C"
	Field   string // the event's field with dots, "billing_address.city"; "": kept, but no part of the order
	Ignored bool   // the mapping says that it is no part of the order
	Hidden  bool   // the spreadsheet program does not show it
}

// name is what messages call the column.
func (c Column) name() string {
	if c.Header == "" {
		return "column " + c.Letter
	}
	return c.Header
}

// Problem is something wrong with a cell, or with a row when Column is empty. Message says
// what and the remedy, and repeats no cell.
type Problem struct {
	Column  string // the column's header
	Field   string // the field's JSON pointer, "/billing_address/city"
	Message string
}

// Row is one row that has something in it.
type Row struct {
	Number   int       // as the spreadsheet program shows it, or the line of JSONL
	Cells    []string  // one for each of Columns, as text, for the result; see refused
	Event    []byte    // the order event as JSON, nil if there is none; not to be sent if there are problems
	Problems []Problem // of the cells; the order itself is validated elsewhere
	Hidden   bool      // the spreadsheet program does not show it; it then has a problem too
}

// FileError says that a file cannot be read, or not beyond a row.
type FileError struct {
	Row     int // 0 when it is the file as a whole
	Message string
	Err     error // may be nil
}

func (e *FileError) Error() string {
	s := e.Message
	if e.Row > 0 {
		s = fmt.Sprintf("row %d: %s", e.Row, s)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// HeaderError lists everything that is wrong with the header row or the mapping.
type HeaderError struct {
	Row      int
	Problems []Problem
}

func (e *HeaderError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		if lines[i] = p.Message; p.Column != "" {
			lines[i] = fmt.Sprintf("%q %s", p.Column, p.Message)
		}
	}
	return fmt.Sprintf("header in row %d: %s", e.Row, strings.Join(lines, "; "))
}

// Limits of what is read, far above what spreadsheet programs write.
const (
	maxColumns   = 16384
	maxRow       = 1 << 20 // in a workbook; text files may be longer
	maxRowBytes  = 1 << 20
	maxPartBytes = 2 << 30 // of a workbook's part, unpacked
)

// source gives a file's rows, empty ones left out or not, until io.EOF.
type source interface {
	next() (record, error)
	close() error
}

// record is a row as the file has it.
type record struct {
	number int
	cells  []cell
	hidden bool
}

func (r record) empty() bool {
	for _, c := range r.cells {
		if strings.TrimSpace(c.text) != "" || c.kind == formulaCell || c.kind == errorCell {
			return false
		}
	}
	return true
}

// Reader reads a file's rows once. Open it again to read them again.
type Reader struct {
	info   Info
	src    source
	table  *table   // nil in JSONL
	ahead  []record // read while looking for the header
	end    error    // what ended reading
	closed bool
}

// Info tells what was found out about the file.
func (r *Reader) Info() Info { return r.info }

// Columns returns the file's own columns in their order.
func (r *Reader) Columns() []Column {
	if r.table == nil {
		return []Column{{Header: eventHeader, Letter: "A", Field: eventField}}
	}
	return r.table.own()
}

// Next returns the next row that is not empty, io.EOF after the last. A *FileError
// says that what follows the row cannot be read.
func (r *Reader) Next() (Row, error) {
	for {
		rec, err := r.record()
		if err != nil {
			return Row{}, err
		}
		if rec.empty() {
			continue
		}
		if r.table == nil {
			return eventRow(rec), nil
		}
		if w, ok := r.src.(*worksheet); ok {
			rec.cells = w.merged.cover(rec, w.columns)
		}
		return r.table.row(rec), nil
	}
}

func (r *Reader) record() (record, error) {
	if len(r.ahead) > 0 {
		rec := r.ahead[0]
		r.ahead = r.ahead[1:]
		return rec, nil
	}
	if r.end != nil {
		return record{}, r.end
	}
	rec, err := r.src.next()
	r.end = err
	return rec, err
}

// Close frees the file and what was spooled to disk. A second call does nothing.
func (r *Reader) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	return r.src.close()
}

var errEmpty = errors.New("it is empty")

// headerRows is how many rows may stand above the header, titles and such.
const headerRows = 20

// surelyHeader is the score of a row that names the ref and something else. It ends the
// search: whatever follows is an order, not to be skipped.
const surelyHeader = 5

// findHeader takes the one of the first rows that names the most fields as the header.
func (r *Reader) findHeader(m Mapping) error {
	var best *table
	for range headerRows {
		rec, err := r.src.next()
		if r.end = err; errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if rec.empty() {
			continue
		}
		if t := newTable(rec, m, r.info.Format); best == nil || t.score() > best.score() {
			best, r.ahead = t, nil
		} else {
			r.ahead = append(r.ahead, rec)
		}
		if best.score() >= surelyHeader {
			break
		}
	}
	if best == nil {
		return &FileError{Message: "the file needs a header row and, below it, a row for each order", Err: errEmpty}
	}
	r.table, r.info.HeaderRow, r.info.Result = best, best.headerRow, best.result
	if w, ok := r.src.(*worksheet); ok {
		w.columns = len(best.all)
		best.hide(w.hidden)
	}
	return best.check()
}
