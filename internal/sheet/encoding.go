package sheet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// decodeText returns the file's text as UTF-8 from its beginning, without a byte order
// mark, and the name of its encoding. What is not valid becomes U+FFFD, which cells refuse.
func decodeText(f *os.File, name string) (*bufio.Reader, string, error) {
	if name == "" {
		var err error
		if name, err = detect(f); err != nil {
			return nil, "", err
		}
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, "", &FileError{Message: fmt.Sprintf("the encoding %.40q is not known: write one like \"utf-8\", \"shift_jis\" or \"windows-1252\"", name)}
	}
	if name, err = htmlindex.Name(e); err != nil {
		return nil, "", err
	}
	whole := io.NewSectionReader(f, 0, 1<<62)
	return bufio.NewReaderSize(transform.NewReader(whole, decoderFor(name, e)), 64<<10), name, nil
}

func decoderFor(name string, e encoding.Encoding) transform.Transformer {
	switch name {
	case "utf-8":
		return utf.UTF8BOM.NewDecoder()
	case "utf-16le":
		return utf.UTF16(utf.LittleEndian, utf.UseBOM).NewDecoder()
	case "utf-16be":
		return utf.UTF16(utf.BigEndian, utf.UseBOM).NewDecoder()
	}
	return e.NewDecoder()
}

// detect finds out a file's encoding, reading all of it: one odd name in the last row must
// not come out wrong. It never guesses between encodings that would both make sense.
func detect(f *os.File) (string, error) {
	head := make([]byte, 4096)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return "utf-8", nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return "utf-16le", nil
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "utf-16be", nil
	case bytes.IndexByte(head, 0) >= 0:
		return utf16WithoutMark(head)
	}
	if ok, err := isUTF8(io.NewSectionReader(f, 0, 1<<62)); ok || err != nil {
		return "utf-8", err
	}
	if ok, err := isShiftJIS(io.NewSectionReader(f, 0, 1<<62)); ok || err != nil {
		return "shift_jis", err
	}
	return "", &FileError{Message: "the encoding of the text cannot be told: save it as \"CSV UTF-8\", or name its encoding, \"shift_jis\" or \"windows-1252\" say"}
}

// utf16WithoutMark looks at which halves of the units are zero, as they are in ASCII.
func utf16WithoutMark(head []byte) (string, error) {
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	switch many := len(head) / 8; {
	case zeros[0] == 0 && zeros[1] >= many:
		return "utf-16le", nil
	case zeros[1] == 0 && zeros[0] >= many:
		return "utf-16be", nil
	}
	return "", &FileError{Message: "is neither text nor a workbook: save it as .xlsx or as \"CSV UTF-8\""}
}

func isUTF8(r io.Reader) (bool, error) {
	buf, kept := make([]byte, 64<<10), 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		b := buf[:kept+n]
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return utf8.Valid(b), nil
			}
			return false, err
		}
		cut := len(b)
		for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
			if utf8.RuneStart(b[len(b)-back]) {
				if !utf8.FullRune(b[len(b)-back:]) {
					cut = len(b) - back
				}
				break
			}
		}
		if !utf8.Valid(b[:cut]) {
			return false, nil
		}
		kept = copy(buf, b[cut:])
	}
}

// isShiftJIS takes a text for Japanese if all of it can be and the Japanese letters stand
// together. In an accented letter's encoding they would stand alone, each with the ASCII
// letter behind it swallowed.
func isShiftJIS(r io.Reader) (bool, error) {
	text := bufio.NewReader(transform.NewReader(r, japanese.ShiftJIS.NewDecoder()))
	together, alone, run := 0, 0, 0
	for {
		c, _, err := text.ReadRune()
		if err == nil && (c == utf8.RuneError || c > unicode.MaxASCII && unicode.Is(unicode.Co, c)) {
			return false, nil
		}
		if err == nil && c > unicode.MaxASCII {
			run++
			continue
		}
		if run == 1 {
			alone++
		}
		if run > 1 {
			together += run
		}
		run = 0
		if errors.Is(err, io.EOF) {
			return together > 4*alone, nil
		} else if err != nil {
			return false, err
		}
	}
}

// firstByte returns the first byte that is not white space, 0 if there is none.
func firstByte(text *bufio.Reader) (byte, error) {
	head, err := text.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) == 0 {
		return 0, nil
	}
	return head[0], nil
}
