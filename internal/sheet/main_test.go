package sheet_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/sheet"
)

// read returns all rows of a file, and the error that ended reading if it was not io.EOF.
func read(r *sheet.Reader) (rows []sheet.Row, err error) {
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
}

func open(t testing.TB, path string, o sheet.Options) *sheet.Reader {
	t.Helper()
	r, err := sheet.Open(path, o)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dump writes all that reading a file gives, a line each.
func dump(path string, o sheet.Options) string {
	var b strings.Builder
	r, err := sheet.Open(path, o)
	if err != nil {
		return fmt.Sprintf("error %v\n", err)
	}
	defer r.Close()
	info := r.Info()
	fmt.Fprintf(&b, "%s encoding=%s delimiter=%q sheet=%q others=%q header=%d result=%v\n", info.Format, info.Encoding, info.Delimiter,
		info.Sheet, info.OtherSheets, info.HeaderRow, info.Result)
	for _, c := range r.Columns() {
		fmt.Fprintf(&b, "column %s %q -> %s%s\n", c.Letter, c.Header, c.Field, map[bool]string{true: " (hidden)"}[c.Hidden])
	}
	rows, err := read(r)
	for _, row := range rows {
		fmt.Fprintf(&b, "\nrow %d %q\n%s\n", row.Number, row.Cells, row.Event)
		for _, p := range row.Problems {
			fmt.Fprintf(&b, "! %s %s: %s\n", p.Column, p.Field, p.Message)
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "\nerror %v\n", err)
	}
	return b.String()
}
