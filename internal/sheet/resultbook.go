package sheet

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// bookResult writes a workbook: the rows on the first sheet, cells as texts, links to
// click on, failed rows filled; the summary on the second. excelize keeps large sheets in
// a temporary file until the end.
type bookResult struct {
	to             io.Writer
	book           *excelize.File
	rows           *excelize.StreamWriter
	row            int
	plain, failed  int // styles
	link, linkFail int
	bold           int
}

const (
	rowsSheet    = "Result"
	summarySheet = "Summary"
)

func newBookResult(to io.Writer, headers []string) (*bookResult, error) {
	b := &bookResult{to: to, book: excelize.NewFile()}
	err := errors.Join(b.book.SetSheetName("Sheet1", rowsSheet), b.styles())
	if err != nil {
		return nil, errors.Join(err, b.book.Close())
	}
	if b.rows, err = b.book.NewStreamWriter(rowsSheet); err != nil {
		return nil, errors.Join(err, b.book.Close())
	}
	width := len(headers) + len(resultNames)
	if width > maxColumns {
		return nil, errors.Join(errors.New("a workbook has no room for so many columns: take csv"), b.book.Close())
	}
	panes := &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}
	err = errors.Join(b.rows.SetColWidth(1, width, 18), b.rows.SetPanes(panes),
		b.append(b.rows, b.bold, append(headers, resultHeaders(resultPrefixXLSX)...)))
	if err != nil {
		return nil, errors.Join(err, b.book.Close())
	}
	return b, nil
}

func (b *bookResult) styles() error {
	const textFormat = 49 // "@": what is typed into the cell stays a text
	fill := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FFD9D9"}}
	link := &excelize.Font{Color: "0563C1", Underline: "single"}
	var err error
	for into, style := range map[*int]*excelize.Style{
		&b.plain:    {NumFmt: textFormat},
		&b.failed:   {NumFmt: textFormat, Fill: fill},
		&b.link:     {Font: link},
		&b.linkFail: {Font: link, Fill: fill},
		&b.bold:     {NumFmt: textFormat, Font: &excelize.Font{Bold: true}},
	} {
		var e error
		*into, e = b.book.NewStyle(style)
		err = errors.Join(err, e)
	}
	return err
}

func (b *bookResult) append(to *excelize.StreamWriter, style int, texts []string) error {
	cells := make([]any, len(texts))
	for i, s := range texts {
		cells[i] = excelize.Cell{StyleID: style, Value: fitting(s)}
	}
	b.row++
	return to.SetRow(fmt.Sprintf("A%d", b.row), cells)
}

func (b *bookResult) write(row Row, o Outcome) error {
	if b.row++; b.row > maxRow {
		return errors.New("a workbook has no room for more than 1,048,576 rows: take csv")
	}
	style, link := b.plain, b.link
	if o.Failed {
		style, link = b.failed, b.linkFail
	}
	cells := make([]any, 0, len(row.Cells)+len(resultNames))
	add := func(style int, value any) { cells = append(cells, excelize.Cell{StyleID: style, Value: value}) }
	for _, c := range row.Cells {
		add(style, fitting(c))
	}
	add(style, fitting(o.State))
	cells = append(cells, linkCell(o.Link, link, style))
	for _, s := range []string{o.LinkID, o.ErrorCode, o.ErrorMessage} {
		add(style, fitting(s))
	}
	add(style, o.Attempts)
	add(style, o.Uncertain)
	add(style, fitting(o.EmailState))
	return b.rows.SetRow(fmt.Sprintf("A%d", b.row), cells)
}

// linkCell makes a link that can be clicked on. A formula does that for any number of
// rows, a hyperlink of the sheet for 65,529 only; a formula's text has 255 characters at most.
func linkCell(link string, style, plain int) excelize.Cell {
	if !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") || len(link) > 255 {
		return excelize.Cell{StyleID: plain, Value: fitting(link)}
	}
	return excelize.Cell{StyleID: style, Value: link, Formula: `HYPERLINK("` + strings.ReplaceAll(link, `"`, `""`) + `")`}
}

// fitting cuts a text that a workbook's cell cannot hold, and says so. excelize would cut
// it without a word.
func fitting(s string) string {
	const most, note = 32767, " [cut: a workbook's cell has no room for more; the CSV result has it whole]"
	if len(s) <= most {
		return s
	}
	units := utf16.Encode([]rune(s))
	if len(units) <= most {
		return s
	}
	return string(utf16.Decode(units[:most-len(note)-1])) + note
}

// Close removes excelize's temporary files.
func (b *bookResult) Close() error { return b.book.Close() }

func (b *bookResult) finish(summary []SummaryLine) error {
	if err := b.rows.Flush(); err != nil {
		return err
	}
	if _, err := b.book.NewSheet(summarySheet); err != nil {
		return err
	}
	to, err := b.book.NewStreamWriter(summarySheet)
	if err != nil {
		return err
	}
	b.row = 0
	err = to.SetColWidth(1, 2, 36)
	for _, l := range summary {
		err = errors.Join(err, b.append(to, b.plain, []string{l.Name, l.Value}))
	}
	if err = errors.Join(err, to.Flush()); err != nil {
		return err
	}
	return b.book.Write(b.to)
}
