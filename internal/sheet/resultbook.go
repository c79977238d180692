package sheet

import (
	"errors"
	"io"
	"strings"
)

// bookResult writes a workbook: the rows on the first sheet, cells as texts, links to
// click on, failed rows filled; the summary on the second.
type bookResult struct{ book *bookWriter }

// The first row stays in sight.
const frozenView = `<sheetViews><sheetView tabSelected="1" workbookViewId="0">` +
	`<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>`

func newBookResult(to io.Writer, headers []string) (*bookResult, error) {
	width := len(headers) + len(resultNames)
	if width > maxColumns {
		return nil, errors.New("a workbook has no room for so many columns: take csv")
	}
	book, err := newBookWriter(to)
	if err != nil {
		return nil, err
	}
	b := &bookResult{book}
	if err := book.beginSheet(rowsSheet, frozenView, width, 18); err != nil {
		return nil, err
	}
	return b, b.texts(headerStyle, append(headers, resultHeaders(resultPrefixXLSX)...)...)
}

// texts writes a row of texts only.
func (b *bookResult) texts(style int, texts ...string) error {
	b.book.beginRow()
	for _, s := range texts {
		b.book.text(style, s)
	}
	return b.book.endRow()
}

func (b *bookResult) write(row Row, o Outcome) error {
	if b.book.row == maxRow {
		return errors.New("a workbook has no room for more than 1,048,576 rows: take csv")
	}
	style, link := plainStyle, linkStyle
	if o.Failed {
		style, link = failedStyle, failedLinkStyle
	}
	b.book.beginRow()
	for _, c := range row.Cells {
		b.book.text(style, c)
	}
	b.book.text(style, o.State)
	b.link(link, style, o.Link)
	for _, s := range []string{o.LinkID, o.ErrorCode, o.ErrorMessage} {
		b.book.text(style, s)
	}
	b.book.number(style, o.Attempts)
	b.book.boolean(style, o.Uncertain)
	b.book.text(style, o.EmailState)
	return b.book.endRow()
}

// link writes a link that can be clicked on. A formula does that for any number of
// rows, a hyperlink of the sheet for 65,529 only; a formula's text has 255 characters at most.
func (b *bookResult) link(style, plain int, link string) {
	if !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") || len(link) > 255 {
		b.book.text(plain, link)
		return
	}
	b.book.formula(style, `HYPERLINK("`+strings.ReplaceAll(link, `"`, `""`)+`")`, link)
}

func (b *bookResult) finish(summary []SummaryLine) error {
	if err := b.book.endSheet(); err != nil {
		return err
	}
	if err := b.book.beginSheet(summarySheet, "", 2, 36); err != nil {
		return err
	}
	for _, l := range summary {
		if err := b.texts(plainStyle, l.Name, l.Value); err != nil {
			return err
		}
	}
	return errors.Join(b.book.endSheet(), b.book.close())
}
