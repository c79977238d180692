package sheet_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/sheet"
)

// evil are refs that a spreadsheet program would take for something else.
var evil = []string{"=1+1", "+81", "-5+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1", "'=1", "''", "'", "＝1+1", " =1+1", "007", "1234567890123456",
	"2024/01/05", "TRUE", "1e5", "x;=1+1;y", "x\n=1+1\ny", "x\t=1+1", "a,\"b\"", "=HYPERLINK(\"https://evil.example\")", "日本", "\u00a0=1", ";", ";'=", "plain"}

// lookalikes are refs that look like a workbook's own way to write characters. LibreOffice does not keep them apart.
var lookalikes = []string{"_x0041_", "_x0041_x0042_", "_x005F_x000D_", "__x00e9__", "_x12_", "_x"}

var outcome = sheet.Outcome{State: "issued", Link: `https://checkout.example/p/a"b?x=1&y=2`, LinkID: "L-1", ErrorMessage: "=1+1", Attempts: 2, Uncertain: true, EmailState: "sent"}

func write(t testing.TB, path string, format sheet.Format, columns []sheet.Column, rows []sheet.Row) {
	t.Helper()
	w, err := sheet.Create(path, format, columns)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		o := outcome
		o.Failed = i%2 == 1
		if err := w.Write(row, o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(sheet.SummaryLine{Name: "Orders", Value: "=1"}); err != nil {
		t.Fatal(err)
	}
}

func evilFile(t testing.TB, format sheet.Format, more ...string) string {
	path := filepath.Join(t.TempDir(), "result."+string(format))
	var rows []sheet.Row
	for i, ref := range slices.Concat(evil, more) {
		rows = append(rows, sheet.Row{Number: i + 2, Cells: []string{ref, "12.50", ref}, Event: []byte(`{"merchant_txn_ref":"x"}`)})
	}
	write(t, path, format, []sheet.Column{{Header: "Order ID"}, {Header: "Amount"}, {Header: "=Notes"}}, rows)
	return path
}

func TestResultsAreReadBackExactly(t *testing.T) {
	for _, format := range []sheet.Format{sheet.CSV, sheet.TSV, sheet.XLSX} {
		r := open(t, evilFile(t, format), sheet.Options{})
		if got := r.Columns(); len(got) != 3 || got[2].Header != "=Notes" || !r.Info().Result {
			t.Fatalf("%s: columns %v, %+v", format, got, r.Info())
		}
		rows, err := read(r)
		if err != nil || len(rows) != len(evil) {
			t.Fatalf("%s: %d rows, %v", format, len(rows), err)
		}
		for i, row := range rows {
			if diff := cmp.Diff([]string{evil[i], "12.50", evil[i]}, row.Cells); diff != "" || row.Number != i+2 || len(row.Problems) > 0 {
				t.Errorf("%s: row %d %v\n%s", format, row.Number, row.Problems, diff)
			}
		}
	}
}

func TestResultOfAResultHasOneSetOfColumns(t *testing.T) {
	first := evilFile(t, sheet.CSV)
	r := open(t, first, sheet.Options{})
	rows, err := read(r)
	if err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "again.csv")
	write(t, second, sheet.CSV, r.Columns(), rows)
	a, _ := os.ReadFile(first)
	b, _ := os.ReadFile(second)
	if !bytes.Equal(a, b) || !bytes.HasPrefix(a, []byte("\xef\xbb\xbf")) {
		t.Errorf("%s\nbecame\n%s", a, b)
	}
}

func TestLinesKeepTheOrderOfARow(t *testing.T) {
	r := open(t, "testdata/plain.csv", sheet.Options{})
	rows, err := read(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, sheet.JSONL, r.Columns(), rows)
	data, _ := os.ReadFile(path)
	if !strings.Contains(string(data), `"cells":[["Order ID","007"],`) || !strings.Contains(string(data), `"hpplink":{"state":"issued","link":"https://`) {
		t.Errorf("%s", data)
	}
	again, err := read(open(t, path, sheet.Options{}))
	if err != nil || len(again) != 2 {
		t.Fatal(again, err)
	}
	for i := range rows {
		if !bytes.Equal(again[i].Event, rows[i].Event) || len(again[i].Problems) > 0 {
			t.Errorf("%s, %v", again[i].Event, again[i].Problems)
		}
	}
}

// What was refused must not become acceptable by going through a result: a merged currency,
// a formula's missing amount, a row that a comma has put out of joint.
func TestWhatWasRefusedStaysRefused(t *testing.T) {
	out := file(t, "joint.csv", "Order,Amount,Notes\nA-1,1,250,\nA-2,,\n1.2E+12,5,\n'=A-4,5,\n")
	for _, path := range []string{"testdata/harmed.xlsx", "testdata/harmed.csv", "testdata/bom-semicolon.csv", out} {
		r := open(t, path, sheet.Options{})
		rows, err := read(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []sheet.Format{sheet.CSV, sheet.XLSX, sheet.JSONL} {
			result := filepath.Join(t.TempDir(), "r."+string(format))
			write(t, result, format, r.Columns(), rows)
			again, err := read(open(t, result, sheet.Options{}))
			if err != nil || len(again) != len(rows) {
				t.Fatalf("%s as %s: %d rows of %d, %v", path, format, len(again), len(rows), err)
			}
			for i := range rows {
				if (len(rows[i].Problems) > 0) != (len(again[i].Problems) > 0) {
					t.Errorf("%s as %s: row %d: %v, then %v", path, format, rows[i].Number, rows[i].Problems, again[i].Problems)
				}
			}
		}
	}
}

func TestWorkbookResultAsAnotherLibraryReadsIt(t *testing.T) {
	f, err := excelize.OpenFile(evilFile(t, sheet.XLSX, lookalikes...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, ref := range slices.Concat(evil, lookalikes) {
		name, _ := excelize.CoordinatesToCellName(1, i+2)
		got, err := f.GetCellValue("Result", name)
		formula, _ := f.GetCellFormula("Result", name)
		if got != ref || formula != "" || err != nil {
			t.Errorf("%s: %q %q, want the text %q", name, got, formula, ref)
		}
	}
	formula, _ := f.GetCellFormula("Result", "E2")
	shown, _ := f.GetCellValue("Result", "E2")
	if formula != `HYPERLINK("https://checkout.example/p/a""b?x=1&y=2")` || shown != outcome.Link {
		t.Errorf("link %q %q", formula, shown)
	}
	plain, _ := f.GetCellStyle("Result", "A2")
	failed, _ := f.GetCellStyle("Result", "A3")
	if s, err := f.GetStyle(failed); err != nil || plain == failed || s.Fill.Type != "pattern" {
		t.Errorf("failed rows are not marked: %v", err)
	}
	for cell, want := range map[string]string{"D1": "hpplink state", "D2": "issued", "I2": "2", "J2": "TRUE"} {
		if v, err := f.GetCellValue("Result", cell); v != want || err != nil {
			t.Errorf("%s: %q, want %q", cell, v, want)
		}
	}
	if panes, err := f.GetPanes("Result"); err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("the header does not stay in sight: %+v %v", panes, err)
	}
	for cell, want := range map[string]func(*excelize.Font) bool{
		"A1": func(f *excelize.Font) bool { return f.Bold },
		"A2": func(f *excelize.Font) bool { return !f.Bold && f.Underline == "" },
		"E2": func(f *excelize.Font) bool { return f.Underline == "single" && f.Color == "0563C1" },
	} {
		id, _ := f.GetCellStyle("Result", cell)
		if style, err := f.GetStyle(id); err != nil || style.Font == nil || !want(style.Font) {
			t.Errorf("%s has the font %+v, %v", cell, style.Font, err)
		}
	}
	if v, _ := f.GetCellValue("Summary", "B1"); v != "=1" {
		t.Errorf("summary %q", v)
	}
}

func TestResultAppearsWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.csv")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := sheet.Create(path, sheet.CSV, []sheet.Column{{Header: "Order"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(sheet.Row{Cells: []string{"a", "b"}}, outcome); err == nil {
		t.Error("a row with too many cells was taken")
	}
	if err := w.Close(); err == nil {
		t.Error("Close after a failure was fine")
	}
	if w, err = sheet.Create(path, sheet.XLSX, nil); err != nil || w.Abort() != nil {
		t.Error(err)
	}
	left, _ := os.ReadDir(dir)
	data, _ := os.ReadFile(path)
	if len(left) != 1 || string(data) != "before" {
		t.Errorf("%v %q", left, data)
	}
	if _, err := sheet.Create(path, "pdf", nil); err == nil {
		t.Error("pdf was taken")
	}
}

func TestLongCellsOfAWorkbookSayThatTheyAreCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.xlsx")
	write(t, path, sheet.XLSX, []sheet.Column{{Header: "Order"}}, []sheet.Row{{Cells: []string{strings.Repeat("界", 40000)}}})
	rows, err := read(open(t, path, sheet.Options{}))
	if err != nil || !strings.HasSuffix(rows[0].Cells[0], "has it whole]") {
		t.Errorf("%v", err)
	}
}

// Any text at all comes back from CSV and TSV; from XLSX any that XML can hold.
func TestRoundTripOfAnyText(t *testing.T) {
	dir := t.TempDir()
	any := rapid.OneOf(rapid.String(), rapid.StringMatching(`['=+\-@;,\t\r\n" x]{0,8}`), rapid.SampledFrom(evil))
	xml := rapid.StringMatching("(['=+\\-@;,\t\r\n\"<>&\\] x_日本]|_x00[45]F_?){0,8}")
	for format, texts := range map[sheet.Format]*rapid.Generator[string]{sheet.CSV: any, sheet.TSV: any, sheet.XLSX: xml} {
		t.Run(string(format), rapid.MakeCheck(func(t *rapid.T) {
			header, cell := texts.Draw(t, "header"), texts.Draw(t, "cell")
			path := filepath.Join(dir, "r."+string(format))
			w, err := sheet.Create(path, format, []sheet.Column{{Header: "merchant_txn_ref"}, {Header: "x" + header}, {Header: "Notes"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(sheet.Row{Cells: []string{cell + "-", cell, cell}}, outcome); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			r, err := sheet.Open(path, sheet.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			row, err := r.Next()
			if err != nil || row.Cells[0] != cell+"-" || row.Cells[1] != cell || row.Cells[2] != cell || r.Columns()[1].Header != "x"+header {
				t.Fatalf("%q %q came back as %q %q, %v", header, cell, r.Columns()[1].Header, row.Cells, err)
			}
		}))
	}
}
