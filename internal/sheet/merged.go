package sheet

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// area is a merged cell, rows and columns from 1 and 0 as records have them.
type area struct{ top, bottom, left, right int }

// mergedCells covers cells that only look as if they had what the first one of their
// area has. A currency merged over ten rows stands in the first row only: the others
// would get the merchant's default, another currency perhaps.
type mergedCells struct {
	waiting []area // by their first row
	open    []area
}

// maxMerged bounds what is kept of a sheet.
const maxMerged = 1 << 16

// mergedCells reads the merged areas, which a sheet tells behind its rows.
func (b *book) mergedCells(s bookSheet) (*mergedCells, error) {
	in, err := b.parts[s.part].Open()
	if err != nil {
		return nil, &FileError{Message: "has a sheet that cannot be unpacked", Err: err}
	}
	defer in.Close()
	rest, err := behindRows(io.LimitReader(in, maxPartBytes))
	if err != nil || rest == nil {
		return &mergedCells{}, err
	}
	m, limited := &mergedCells{}, &boundedReader{from: rest, left: 1, all: maxPartBytes}
	dec := xml.NewDecoder(limited)
	for {
		limited.left = maxRowBytes
		tok, err := dec.RawToken()
		if err != nil { // reading the rows will tell what is wrong with the sheet
			break
		}
		if start, ok := tok.(xml.StartElement); ok && start.Name.Local == "mergeCell" {
			if a, ok := areaOf(attr(start, "ref")); ok {
				m.waiting = append(m.waiting, a)
			}
		}
		if len(m.waiting) > maxMerged {
			return nil, &FileError{Message: "has more than 65,536 merged cells: unmerge them"}
		}
	}
	slices.SortFunc(m.waiting, func(a, b area) int { return a.top - b.top })
	return m, nil
}

// behindRows skips to behind the rows without decoding them, nil if there is no such place.
// Their end cannot be part of a text, as that has no bare "<".
func behindRows(in io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		chunk, err := r.Peek(r.Size())
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, &FileError{Message: "has a sheet that cannot be unpacked", Err: err}
		}
		for at := 0; ; {
			i := bytes.Index(chunk[at:], []byte("sheetData>"))
			if i < 0 {
				break
			}
			at += i + len("sheetData>")
			tag := chunk[:at-len("sheetData>")]
			if open := bytes.LastIndexByte(tag, '<'); open >= 0 && open+1 < len(chunk) && chunk[open+1] == '/' {
				_, _ = r.Discard(at)
				return r, nil
			}
		}
		if err != nil {
			return nil, nil
		}
		_, _ = r.Discard(len(chunk) - 64) // the tag may lie across the chunks
	}
}

// areaOf reads "A2:B10".
func areaOf(ref string) (area, bool) {
	from, to, ok := strings.Cut(ref, ":")
	left, ok1 := columnOf(from)
	right, ok2 := columnOf(to)
	top, err1 := strconv.Atoi(strings.TrimLeft(strings.ToUpper(from), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	bottom, err2 := strconv.Atoi(strings.TrimLeft(strings.ToUpper(to), "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	ok = ok && ok1 && ok2 && err1 == nil && err2 == nil && top <= bottom && left <= right
	return area{top, bottom, left, right}, ok
}

// cover marks a row's merged cells but for the first of each area, within so many columns.
func (m *mergedCells) cover(rec record, columns int) []cell {
	for len(m.waiting) > 0 && m.waiting[0].top <= rec.number {
		m.open, m.waiting = append(m.open, m.waiting[0]), m.waiting[1:]
	}
	m.open = slices.DeleteFunc(m.open, func(a area) bool { return a.bottom < rec.number })
	for _, a := range m.open {
		for i := a.left; i <= a.right && i < columns; i++ {
			if i == a.left && rec.number == a.top {
				continue
			}
			for len(rec.cells) <= i {
				rec.cells = append(rec.cells, cell{})
			}
			if rec.cells[i].text == "" {
				rec.cells[i].kind = mergedCell
			}
		}
	}
	return rec.cells
}
