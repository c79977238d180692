package sheet

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// Open reads a file's beginning and finds out what it is: a workbook or JSON by its content, else
// text by its extension, CSV if that is none. Errors are *FileError, *HeaderError, or the operating system's.
func Open(path string, o Options) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := open(f, path, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if r.table != nil || r.info.Format == JSONL {
		return r, nil
	}
	if err := r.findHeader(o.Mapping); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func open(f *os.File, path string, o Options) (*Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &FileError{Message: "is not a regular file"}
	}
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if head = head[:n]; bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")) {
		return nil, &FileError{Message: "is an old .xls workbook or has a password: save it as .xlsx without one"}
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return openWorkbook(f, info.Size(), o)
	}
	format, _ := FormatOf(path)
	if format == XLSX {
		return nil, &FileError{Message: "is no .xlsx workbook though it is called one: open it in a spreadsheet program and save it again"}
	}
	return openText(f, format, o)
}

func openText(f *os.File, format Format, o Options) (*Reader, error) {
	text, encoding, err := decodeText(f, o.Encoding)
	if err != nil {
		return nil, err
	}
	first, err := firstByte(text)
	if err != nil {
		return nil, err
	}
	if format == JSONL || first == '{' || first == '[' {
		return openJSONL(f, encoding, first == '[')
	}
	comma, hint, err := delimiter(text, format, o.Mapping)
	if err != nil {
		return nil, err
	}
	if text, _, err = decodeText(f, encoding); err != nil {
		return nil, err
	}
	info := Info{Format: CSV, Encoding: encoding, Delimiter: rune(comma)}
	if comma == '\t' {
		info.Format = TSV
	}
	src := newDelimited(text, comma, f)
	if hint {
		if _, err := src.next(); err != nil {
			return nil, err
		}
		src.row = 0 // spreadsheet programs do not show that line
	}
	return &Reader{info: info, src: src}, nil
}

// Spool copies a stream, standard input say, to a temporary file, so that it can be
// opened twice. remove deletes the file.
func Spool(from io.Reader) (path string, remove func() error, err error) {
	f, err := os.CreateTemp("", "hpplink-*")
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.Remove(f.Name()) }
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return f.Name(), remove, nil
}
