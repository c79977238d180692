package sheet

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// maxDepth is above what a sheet nests.
const maxDepth = 64

// xmlReader reads a workbook's part element by element. A single element may not grow
// without bound, nor may they nest so: such parts are made to exhaust memory.
type xmlReader struct {
	dec   *xml.Decoder
	in    *boundedReader
	depth int
	row   int // for errors
}

// boundedReader fails when more is read from it than was left.
type boundedReader struct {
	from io.Reader
	left int
	all  int64
}

var errTooMuch = errors.New("one element is larger than 1 MiB")

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 || b.all <= 0 {
		return 0, errTooMuch
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	b.all -= int64(n)
	return n, err
}

func newXMLReader(from io.Reader) *xmlReader {
	in := &boundedReader{from: from, all: maxPartBytes}
	return &xmlReader{dec: xml.NewDecoder(in), in: in}
}

// token returns the next one. io.EOF is only for the end of a whole document.
func (x *xmlReader) token() (xml.Token, error) {
	x.in.left = maxRowBytes
	tok, err := x.dec.Token()
	if errors.Is(err, io.EOF) && x.depth == 0 {
		return nil, io.EOF
	}
	if err != nil {
		return nil, x.damaged(err)
	}
	switch tok.(type) {
	case xml.StartElement:
		if x.depth++; x.depth > maxDepth {
			return nil, x.damaged(errors.New("elements nest too deeply"))
		}
	case xml.EndElement:
		x.depth--
	}
	return tok, nil
}

func (x *xmlReader) damaged(err error) error {
	return &FileError{Row: x.row, Message: "is a damaged workbook from here on: open it in a spreadsheet program and save it again", Err: err}
}

// text reads to the end of an element that has begun and returns its texts, without
// those that say how to pronounce them (rPh).
func (x *xmlReader) text(element string) (string, error) {
	var b strings.Builder
	var inside []string
	for {
		tok, err := x.token()
		if err != nil {
			return "", err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			inside = append(inside, t.Name.Local)
		case xml.EndElement:
			if len(inside) == 0 {
				return unescapeXML(b.String()), nil
			}
			inside = inside[:len(inside)-1]
		case xml.CharData:
			n := len(inside)
			if isText := element == "v" && n == 0 || n > 0 && inside[n-1] == "t" && inside[0] != "rPh"; isText {
				b.Write(t)
			}
		}
		if b.Len() > maxRowBytes {
			return "", x.damaged(errTooMuch)
		}
	}
}

var escapedChar = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescapeXML reads characters that XML cannot hold (ECMA-376 part 1, 22.9.2.19).
func unescapeXML(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escapedChar.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[2:6], 16, 16)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
