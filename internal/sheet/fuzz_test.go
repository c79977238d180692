package sheet_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/sheet"
)

// readAll reads a file of any content. What comes of it must make sense, whatever it is.
func readAll(t *testing.T, name string, data []byte, o sheet.Options) {
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := sheet.Open(path, o)
	if err != nil {
		return
	}
	defer r.Close()
	columns, last := len(r.Columns()), r.Info().HeaderRow
	for {
		row, err := r.Next()
		var refused *sheet.FileError
		if errors.Is(err, io.EOF) || errors.As(err, &refused) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if len(row.Cells) != columns || row.Number <= last {
			t.Fatalf("row %d after %d has %d cells for %d columns", row.Number, last, len(row.Cells), columns)
		}
		if row.Event != nil && !json.Valid(row.Event) || row.Event == nil && len(row.Problems) == 0 {
			t.Fatalf("row %d: %q, %v", row.Number, row.Event, row.Problems)
		}
		last = row.Number
	}
}

func seeds(f *testing.F, extensions ...string) {
	for _, e := range extensions {
		paths, err := filepath.Glob("testdata/*" + e)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 10_000 {
				f.Add(data)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	seeds(f, ".csv", ".tsv")
	f.Fuzz(func(t *testing.T, data []byte) { readAll(t, "a.csv", data, sheet.Options{}) })
}

func FuzzLines(f *testing.F) {
	seeds(f, ".json", ".jsonl")
	f.Add([]byte(`{"row":2,"order":{"a":1},"cells":[],"hpplink":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) { readAll(t, "a.jsonl", data, sheet.Options{}) })
}

func FuzzWorkbook(f *testing.F) {
	seeds(f, ".xlsx")
	f.Fuzz(func(t *testing.T, data []byte) { readAll(t, "a.xlsx", data, sheet.Options{}) })
}

// FuzzWorksheet reaches behind the ZIP, whose checksums stop most changes.
func FuzzWorksheet(f *testing.F) {
	const header = `<worksheet><sheetData><row r="1"><c t="inlineStr"><is><t>Order</t></is></c><c t="inlineStr"><is><t>Amount</t></is></c></row>`
	const styles = `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="%"/></numFmts><cellXfs><xf numFmtId="170"/></cellXfs></styleSheet>`
	f.Add(header+`<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" s="0"><f>1</f><v>1E3</v></c></row></sheetData><mergeCells><mergeCell ref="A2:B3"/></mergeCells></worksheet>`,
		`<sst><si><t>A-1</t></si><si><r><t>x</t></r><rPh><t>y</t></rPh></si></sst>`, `ggge"年"0.0_ [$-411]\-00;@`)
	f.Fuzz(func(t *testing.T, rows, shared, format string) {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, content := range map[string]string{
			"_rels/.rels":     `<Relationships><Relationship Id="r" Type="x/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
			"xl/workbook.xml": `<workbook xmlns:r="r"><sheets><sheet name="S" r:id="a"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="a" Type="x/worksheet" Target="s.xml"/><Relationship Id="b" Type="x/styles" Target="t.xml"/>` +
				`<Relationship Id="c" Type="x/sharedStrings" Target="u.xml"/></Relationships>`,
			"xl/s.xml": rows, "xl/u.xml": shared, "xl/t.xml": strings.Replace(styles, "%", format, 1),
		} {
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, content); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		readAll(t, "a.xlsx", b.Bytes(), sheet.Options{})
	})
}

func FuzzMapping(f *testing.F) {
	f.Add([]byte("merchant_txn_ref: Order ID\nignore: [Notes, \"a: b\"]\nmetadata.x: y"))
	f.Add([]byte("a: &a [*a, *a]\n? b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := sheet.ParseMapping(data)
		if err != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "m.yaml")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := sheet.LoadMapping(path)
		if err != nil || len(again.Fields) != len(m.Fields) || len(again.Ignore) != len(m.Ignore) {
			t.Fatalf("%q: %v became %v, %v", data, m, again, err)
		}
		for field, header := range m.Fields {
			if again.Fields[field] != header {
				t.Fatalf("%q: %q became %q", field, header, again.Fields[field])
			}
		}
	})
}
