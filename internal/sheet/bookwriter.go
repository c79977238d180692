package sheet

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
)

// bookWriter writes a workbook cell by cell, straight into its file: nothing is kept. We
// write its parts ourselves, as we read them: a library that can write any workbook was a
// tenth of the program, and kept the rows in a temporary file.
//
// What goes wrong with a cell shows at the end of its row or sheet: a bufio.Writer's error
// stays.
type bookWriter struct {
	zip     *zip.Writer
	out     *bufio.Writer // the part that is being written
	letters []string      // of the columns that have been written to
	row     int           // of the sheet that is being written, from 1
	column  int           // of the next cell, from 0
}

// newBookWriter begins a workbook with all but its sheets.
func newBookWriter(to io.Writer) (*bookWriter, error) {
	b := &bookWriter{zip: zip.NewWriter(to), out: bufio.NewWriterSize(nil, 64<<10)}
	for _, p := range workbookParts {
		if err := b.part(p.name, p.text); err != nil {
			return nil, err
		}
		if err := b.out.Flush(); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// part begins a part, in place of the one before.
func (b *bookWriter) part(name, text string) error {
	to, err := b.zip.Create(name)
	if err != nil {
		return err
	}
	b.out.Reset(to)
	_, _ = b.out.WriteString(xmlHeader)
	_, err = b.out.WriteString(text)
	return err
}

// beginSheet begins a sheet; view is what stands before its columns. Each of the first
// columns has the width, in characters.
func (b *bookWriter) beginSheet(sheet int, view string, columns, width int) error {
	b.row = 0
	return b.part(sheetParts[sheet], `<worksheet xmlns="`+mainSpace+`">`+view+`<cols><col min="1" max="`+strconv.Itoa(columns)+
		`" width="`+strconv.Itoa(width)+`" customWidth="1"/></cols><sheetData>`)
}

func (b *bookWriter) endSheet() error {
	b.write(`</sheetData></worksheet>`)
	return b.out.Flush()
}

// close ends the workbook, but not the file.
func (b *bookWriter) close() error { return b.zip.Close() }

func (b *bookWriter) beginRow() {
	b.row, b.column = b.row+1, 0
	b.write(`<row r="`, strconv.Itoa(b.row), `">`)
}

func (b *bookWriter) endRow() error {
	_, err := b.out.WriteString(`</row>`)
	return err
}

func (b *bookWriter) write(texts ...string) {
	for _, s := range texts {
		_, _ = b.out.WriteString(s)
	}
}

// escaped writes a text that comes from elsewhere. What XML cannot hold becomes U+FFFD.
func (b *bookWriter) escaped(s string) { _ = xml.EscapeText(b.out, []byte(s)) }

// beginCell begins the next cell of the row, up to its other attributes.
func (b *bookWriter) beginCell(style int) {
	if b.column == len(b.letters) {
		b.letters = append(b.letters, letter(b.column))
	}
	b.write(`<c r="`, b.letters[b.column], strconv.Itoa(b.row), `" s="`, strconv.Itoa(style), `"`)
	b.column++
}

// text writes a cell that shows the text, whatever it begins with.
func (b *bookWriter) text(style int, s string) {
	b.beginCell(style)
	switch {
	case s == "":
		b.write(`/>`)
		return
	case strings.TrimSpace(s) != s:
		b.write(` t="inlineStr"><is><t xml:space="preserve">`)
	default:
		b.write(` t="inlineStr"><is><t>`)
	}
	b.escaped(escapeXML(fitting(s)))
	b.write(`</t></is></c>`)
}

func (b *bookWriter) number(style, n int) {
	b.beginCell(style)
	b.write(`><v>`, strconv.Itoa(n), `</v></c>`)
}

func (b *bookWriter) boolean(style int, is bool) {
	b.beginCell(style)
	b.write(` t="b"><v>`, map[bool]string{true: "1", false: "0"}[is], `</v></c>`)
}

// formula writes a cell with a formula and the text that it results in.
func (b *bookWriter) formula(style int, formula, result string) {
	b.beginCell(style)
	b.write(` t="str"><f>`)
	b.escaped(formula)
	b.write(`</f><v>`)
	b.escaped(escapeXML(result))
	b.write(`</v></c>`)
}

// escapeXML keeps a text from being read as a character that XML cannot hold: the opposite
// of unescapeXML.
func escapeXML(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	var b strings.Builder
	for {
		at := escapedChar.FindStringIndex(s)
		if at == nil {
			return b.String() + s
		}
		b.WriteString(s[:at[0]] + "_x005F_")
		s = s[at[0]+1:] // the underscore at its end may be the next one's first
	}
}

// fitting cuts a text that a workbook's cell cannot hold, and says so.
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
