package sheet

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// book is an open workbook. We read its parts ourselves: excelize's row iterator takes a
// damaged sheet for one that ends there, so that orders would be missing without a word,
// and does not tell text from number, date, error or a formula without a result.
type book struct {
	parts  map[string]*zip.File
	sheets []bookSheet
	date04 bool
	styles []numberFormat
	shared *sharedStrings
}

type bookSheet struct {
	name   string
	part   string
	hidden bool
}

func openWorkbook(f *os.File, size int64, o Options) (*Reader, error) {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return nil, &FileError{Message: "is a damaged workbook: open it in a spreadsheet program and save it again", Err: err}
	}
	b := &book{parts: make(map[string]*zip.File, len(z.File))}
	for _, part := range z.File {
		if err := refuseBomb(part); err != nil {
			return nil, err
		}
		b.parts[strings.TrimPrefix(strings.ReplaceAll(part.Name, "\\", "/"), "/")] = part
	}
	if err := b.load(); err != nil {
		return nil, err
	}
	r, err := b.reader(f, o)
	if err != nil {
		return nil, errors.Join(err, b.shared.close())
	}
	return r, nil
}

// refuseBomb refuses what unpacks to far more than spreadsheets do.
func refuseBomb(part *zip.File) error {
	const large, ratio = 64 << 20, 400
	size, packed := part.UncompressedSize64, part.CompressedSize64
	if size > maxPartBytes || size > large && size/ratio > packed {
		return &FileError{Message: fmt.Sprintf("is a workbook that unpacks to %d MiB: split it into smaller ones", size>>20)}
	}
	return nil
}

// reader picks the sheet and reads up to its header.
func (b *book) reader(f *os.File, o Options) (*Reader, error) {
	candidates, err := b.candidates(o.Sheet)
	if err != nil {
		return nil, err
	}
	for _, s := range candidates {
		src, err := b.worksheet(s, f)
		if err != nil {
			return nil, err
		}
		r := &Reader{src: src, info: Info{Format: XLSX, Sheet: s.name, OtherSheets: b.others(s)}}
		err = r.findHeader(o.Mapping)
		if err == nil {
			return r, nil
		}
		err = errors.Join(err, src.part.Close())
		if empty := (*FileError)(nil); !errors.As(err, &empty) || empty.Row > 0 || len(candidates) == 1 || !errors.Is(empty.Err, errEmpty) {
			return nil, err
		}
	}
	return nil, &FileError{Message: "has no visible sheet with cells", Err: errEmpty}
}

func (b *book) candidates(name string) ([]bookSheet, error) {
	var visible []bookSheet
	var names []string
	for _, s := range b.sheets {
		if name != "" && strings.EqualFold(s.name, name) {
			return []bookSheet{s}, nil
		}
		names = append(names, fmt.Sprintf("%q", s.name))
		if !s.hidden {
			visible = append(visible, s)
		}
	}
	if name != "" {
		return nil, &FileError{Message: fmt.Sprintf("has no sheet called %q; it has %s", name, strings.Join(names, ", "))}
	}
	return visible, nil
}

func (b *book) others(read bookSheet) []string {
	var all []string
	for _, s := range b.sheets {
		if s != read {
			all = append(all, s.name)
		}
	}
	return all
}

// What of a workbook's small parts we need.
type (
	xmlWorkbook struct {
		Properties struct {
			Date1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name  string     `xml:"name,attr"`
			State string     `xml:"state,attr"`
			Attrs []xml.Attr `xml:",any,attr"` // r:id, in either of two name spaces
		} `xml:"sheets>sheet"`
	}
	xmlRelations struct {
		All []struct {
			ID     string `xml:"Id,attr"`
			Type   string `xml:"Type,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
)

func (b *book) load() error {
	var root, relations xmlRelations
	if err := b.decode("_rels/.rels", &root); err != nil {
		return err
	}
	at := "xl/workbook.xml"
	for _, r := range root.All {
		if strings.HasSuffix(r.Type, "/officeDocument") {
			at = resolve("", r.Target)
		}
	}
	var w xmlWorkbook
	if b.parts[at] == nil {
		return &FileError{Message: "is a ZIP file but no .xlsx workbook: save it from a spreadsheet program as .xlsx"}
	}
	if err := errors.Join(b.decode(at, &w), b.decode(path.Dir(at)+"/_rels/"+path.Base(at)+".rels", &relations)); err != nil {
		return err
	}
	b.date04 = isTrue(w.Properties.Date1904)
	targets := make(map[string]string)
	for _, r := range relations.All {
		part := resolve(path.Dir(at), r.Target)
		targets[r.ID] = part
		if err := b.loadRelated(r.Type, part); err != nil {
			return err
		}
	}
	for _, s := range w.Sheets {
		for _, a := range s.Attrs {
			if a.Name.Local == "id" && b.parts[targets[a.Value]] != nil && !strings.Contains(targets[a.Value], "chartsheets/") {
				b.sheets = append(b.sheets, bookSheet{s.Name, targets[a.Value], s.State == "hidden" || s.State == "veryHidden"})
			}
		}
	}
	return nil
}

func (b *book) loadRelated(kind, part string) (err error) {
	switch {
	case strings.HasSuffix(kind, "/styles"):
		b.styles, err = b.loadStyles(part)
	case strings.HasSuffix(kind, "/sharedStrings") && b.parts[part] != nil && b.shared == nil:
		b.shared, err = b.loadShared(part)
	}
	return err
}

func resolve(dir, target string) string {
	if strings.HasPrefix(target, "/") {
		return path.Clean(target)[1:]
	}
	return path.Join(dir, target)
}

func isTrue(s string) bool { return s == "1" || s == "true" || s == "on" }

// decode reads a small part; one that is not there leaves v as it is.
func (b *book) decode(name string, v any) error {
	part := b.parts[name]
	if part == nil {
		return nil
	}
	in, err := part.Open()
	if err != nil {
		return &FileError{Message: "has a part that cannot be unpacked", Err: err}
	}
	defer in.Close()
	const most = 16 << 20
	if part.UncompressedSize64 > most {
		return &FileError{Message: "is a workbook with more styles or sheets than are read: copy the rows into a new one"}
	}
	if err := xml.NewDecoder(io.LimitReader(in, most)).Decode(v); err != nil {
		return &FileError{Message: "is a damaged workbook: open it in a spreadsheet program and save it again", Err: err}
	}
	return nil
}
