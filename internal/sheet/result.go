package sheet

import (
	"fmt"
	"strings"
)

// Outcome is what became of a row.
type Outcome struct {
	State        string // the order's, or what the caller calls a row that became none
	Link         string // the payment link's address, "" if there is none
	LinkID       string
	ErrorCode    string
	ErrorMessage string
	Attempts     int
	Uncertain    bool
	EmailState   string
	Failed       bool // the row needs somebody's attention; a workbook shows it filled
}

// SummaryLine is one on a workbook's second sheet.
type SummaryLine struct{ Name, Value string }

// resultNames are the columns that a result has besides the file's own.
var resultNames = []string{"state", "link", "link_id", "error_code", "error_message", "attempts", "uncertain", "email_state"}

// The headers of those columns begin so. Two spellings, since the apostrophes of escape
// must be known from a file that a spreadsheet program has saved in the other format.
const (
	resultPrefixCSV  = "hpplink_" // text cells are escaped
	resultPrefixXLSX = "hpplink " // they are not
)

func resultHeaders(prefix string) []string {
	all := make([]string, len(resultNames))
	for i, name := range resultNames {
		all[i] = prefix + strings.ReplaceAll(name, "_", prefix[len(prefix)-1:])
	}
	return all
}

func isResultHeader(header string) bool {
	for _, prefix := range []string{resultPrefixCSV, resultPrefixXLSX} {
		for _, h := range resultHeaders(prefix) {
			if header == h {
				return true
			}
		}
	}
	return false
}

// marks tells whether a header row is a result's, and whether its cells are escaped.
func marks(header []cell) (result, escaped bool) {
	for _, c := range header {
		switch c.text {
		case resultPrefixCSV + "state":
			return true, true
		case resultPrefixXLSX + "state":
			return true, false
		}
	}
	return false, false
}

// resultFile writes one format. It does not put the file into its place.
type resultFile interface {
	write(Row, Outcome) error
	finish([]SummaryLine) error
}

// Writer writes a result. Nothing is to be seen under its name until Close, which puts the
// whole file there at once; what was there stays until then.
type Writer struct {
	to      *atomicFile
	file    resultFile
	columns int
	err     error // the first; then the file is gone
	done    bool
}

// Create begins a result of the file's own columns, each row's cells followed by its outcome.
// It may be written at any time, of rows that are not settled too: write all rows each time.
func Create(path string, format Format, columns []Column) (*Writer, error) {
	to, err := createAtomic(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{to: to, columns: len(columns)}
	headers := make([]string, len(columns))
	for i, c := range columns {
		headers[i] = c.Header
	}
	switch format {
	case CSV, TSV:
		w.file, err = newTextResult(to, format, headers)
	case XLSX:
		w.file, err = newBookResult(to, headers)
	case JSONL:
		w.file = newLineResult(to, headers)
	default:
		err = fmt.Errorf("no result can be written as %q: take csv, tsv, xlsx or jsonl", format)
	}
	if err != nil {
		return nil, to.abort(err)
	}
	return w, nil
}

// Write appends a row as it was read, with what became of it.
func (w *Writer) Write(row Row, o Outcome) error {
	if w.err != nil {
		return w.err
	}
	if len(row.Cells) != w.columns {
		return w.fail(fmt.Errorf("row %d has %d cells for %d columns", row.Number, len(row.Cells), w.columns))
	}
	if err := w.file.write(row, o); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) fail(err error) error {
	w.err, w.done = w.to.abort(err), true
	return w.err
}

// Close ends the file and puts it into its place. The summary is for workbooks only, which
// have a sheet for it.
func (w *Writer) Close(summary ...SummaryLine) error {
	if w.done {
		return w.err
	}
	if err := w.file.finish(summary); err != nil {
		return w.fail(err)
	}
	w.done = true
	w.err = w.to.commit()
	return w.err
}

// Abort drops the file; after Close it does nothing.
func (w *Writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	return w.to.abort(nil)
}
