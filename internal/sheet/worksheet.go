package sheet

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// worksheet reads a sheet's rows from its XML.
type worksheet struct {
	book    *book
	file    *os.File
	part    io.Closer
	xml     *xmlReader
	row     int
	columns int // of the header, 0 until it is known
	hide    [][2]int
	merged  *mergedCells
}

func (b *book) worksheet(s bookSheet, f *os.File) (*worksheet, error) {
	merged, err := b.mergedCells(s)
	if err != nil {
		return nil, err
	}
	part, err := b.parts[s.part].Open()
	if err != nil {
		return nil, &FileError{Message: "has a sheet that cannot be unpacked", Err: err}
	}
	w := &worksheet{book: b, file: f, part: part, xml: newXMLReader(part), merged: merged}
	if err := w.begin(); err != nil {
		return nil, errors.Join(err, part.Close())
	}
	return w, nil
}

func (w *worksheet) close() error {
	return errors.Join(w.part.Close(), w.book.shared.close(), w.file.Close())
}

// begin reads what stands before the rows.
func (w *worksheet) begin() error {
	for {
		tok, err := w.xml.token()
		if errors.Is(err, io.EOF) {
			return w.xml.damaged(errors.New("the sheet has no rows element"))
		} else if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if ok && start.Name.Local == "sheetData" {
			return nil
		}
		if ok && start.Name.Local == "col" && isTrue(attr(start, "hidden")) {
			from, err := strconv.Atoi(attr(start, "min"))
			to, err2 := strconv.Atoi(attr(start, "max"))
			if err == nil && err2 == nil && len(w.hide) < maxColumns {
				w.hide = append(w.hide, [2]int{from - 1, to - 1})
			}
		}
	}
}

func (w *worksheet) hidden(column int) bool {
	for _, h := range w.hide {
		if column >= h[0] && column <= h[1] {
			return true
		}
	}
	return false
}

func (w *worksheet) next() (record, error) {
	for {
		tok, err := w.xml.token()
		if errors.Is(err, io.EOF) {
			return record{}, w.xml.damaged(io.ErrUnexpectedEOF) // the element of the rows was not closed
		} else if err != nil {
			return record{}, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if t.Name.Local == "row" {
				return w.readRow(t)
			}
		case xml.EndElement:
			if t.Name.Local == "sheetData" {
				return record{}, io.EOF
			}
		}
	}
}

func (w *worksheet) readRow(start xml.StartElement) (record, error) {
	number := w.row + 1
	if r := attr(start, "r"); r != "" {
		var err error
		if number, err = strconv.Atoi(r); err != nil || number <= w.row || number > maxRow {
			return record{}, w.xml.damaged(fmt.Errorf("row %.20q follows row %d", r, w.row))
		}
	}
	w.row, w.xml.row = number, number
	rec := record{number: number, hidden: isTrue(attr(start, "hidden"))}
	for {
		tok, err := w.xml.token()
		if err != nil {
			return record{}, w.cutShort(err)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if t.Name.Local == "c" {
				err = w.addCell(&rec, t)
			} else {
				_, err = w.xml.text(t.Name.Local)
			}
			if err != nil {
				return record{}, w.cutShort(err)
			}
		case xml.EndElement:
			return rec, nil
		}
	}
}

func (w *worksheet) cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return w.xml.damaged(io.ErrUnexpectedEOF)
	}
	return err
}

// addCell puts a cell into its column.
func (w *worksheet) addCell(rec *record, start xml.StartElement) error {
	column := len(rec.cells)
	if ref := attr(start, "r"); ref != "" {
		at, ok := columnOf(ref)
		if !ok || at < column {
			return w.xml.damaged(fmt.Errorf("cell %.20q is out of order", ref))
		}
		column = at
	}
	if column >= maxColumns {
		return w.xml.damaged(errors.New("more columns than a spreadsheet has"))
	}
	c, err := w.cell(start)
	if err != nil {
		return err
	}
	if c == (cell{}) || w.columns > 0 && column >= w.columns {
		return nil
	}
	for len(rec.cells) < column {
		rec.cells = append(rec.cells, cell{})
	}
	rec.cells = append(rec.cells, c)
	return nil
}

// columnOf reads the letters of "AB12", from 0.
func columnOf(ref string) (int, bool) {
	n := 0
	for i, c := range strings.ToUpper(ref) {
		if c < 'A' || c > 'Z' {
			return n - 1, i > 0
		}
		if n = n*26 + int(c-'A') + 1; n > maxColumns {
			break
		}
	}
	return 0, false
}

// cell reads what is in a cell.
func (w *worksheet) cell(start xml.StartElement) (cell, error) {
	var value, inline string
	formula, has := false, false
	for {
		tok, err := w.xml.token()
		if err != nil {
			return cell{}, err
		}
		switch t := tok.(type) {
		case xml.EndElement:
			if inline != "" && !has {
				value, has = inline, true
			}
			if formula && !has {
				return cell{kind: formulaCell}, nil
			}
			return w.typed(start, value)
		case xml.StartElement:
			s, err := w.xml.text(t.Name.Local)
			if err != nil {
				return cell{}, err
			}
			switch t.Name.Local {
			case "v":
				value, has = s, true
			case "is":
				inline = s
			case "f":
				formula = true
			}
		}
	}
}

// typed makes of a stored value what a person sees in the cell.
func (w *worksheet) typed(start xml.StartElement, value string) (cell, error) {
	kind := attr(start, "t")
	if value == "" {
		return cell{}, nil
	}
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			n = -1
		}
		s, ok, err := w.book.shared.get(n)
		if !ok && err == nil {
			err = w.xml.damaged(errors.New("a cell's text is missing"))
		}
		return cell{text: s}, err
	case "inlineStr", "str":
		return cell{text: value}, nil
	case "b":
		return cell{text: map[bool]string{true: "TRUE", false: "FALSE"}[isTrue(strings.TrimSpace(value))], kind: boolCell}, nil
	case "e":
		return cell{text: value, kind: errorCell}, nil
	case "d":
		return cell{text: value, kind: dateCell}, nil
	}
	return w.number(attr(start, "s"), strings.TrimSpace(value))
}

func (w *worksheet) number(style, value string) (cell, error) {
	f := numberFormat{kind: numberCell}
	if i, err := strconv.Atoi(style); err == nil && i >= 0 && i < len(w.book.styles) {
		f = w.book.styles[i]
	}
	text, ok := exact(value)
	if !ok {
		return cell{text: value, kind: errorCell}, nil
	}
	c := cell{text: text, kind: f.kind, format: f.code}
	switch days, err := strconv.ParseFloat(value, 64); {
	case f.kind == dateCell && err == nil && days >= 0 && days < 2958466: // 9999-12-31
		c.text = dateText(days, w.book.date04)
	case f.kind == percentCell:
		c.text = percent(text)
	case f.kind == numberCell && len(strings.TrimPrefix(text, "-")) > 15 && !strings.Contains(text, "."):
		c.text = strings.ToUpper(strconv.FormatFloat(days, 'e', 14, 64)) // as it is shown; the digits would look exact
	}
	return c, nil
}

// percent writes a fraction as it is shown: 0.1 as 10%.
func percent(text string) string {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0%"
	}
	return sign + plain(digits, len(digits)-len(fraction)+2) + "%"
}
