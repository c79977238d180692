package sheet_test

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/sheet"
)

// profile is where LibreOffice keeps its settings, made at its first start, which takes longest.
var profile = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "hpplink-test-*") })

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := profile(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// convert has LibreOffice open a file and save it in another format, and returns the path
// of the new one, "" if LibreOffice is not there.
func convert(t *testing.T, path, to string) string {
	t.Helper()
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Log("LibreOffice (soffice) is not installed: its files in testdata are read nevertheless, but none is made anew")
		return ""
	}
	settings, err := profile()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	// Without a person to ask, LibreOffice takes CSV for Windows-1252, byte order mark or not.
	args := []string{"-env:UserInstallation=file://" + settings, "--headless", "--convert-to", to, "--outdir", dir, path}
	if filepath.Ext(path) == ".csv" {
		args = append([]string{"--infilter=CSV:44,34,76"}, args...)
	}
	cmd := exec.CommandContext(ctx, office, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	extension, _, _ := strings.Cut(to, ":")
	return filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+"."+extension)
}

// formulas counts the formulas of a workbook's first sheet.
func formulas(t *testing.T, path string) int {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	in, err := z.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	n := 0
	for dec := xml.NewDecoder(in); ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
		if start, ok := tok.(xml.StartElement); ok && start.Name.Local == "f" {
			n++
		}
	}
}

func TestNoCellOfAResultBecomesAFormulaInLibreOffice(t *testing.T) {
	book := convert(t, evilFile(t, sheet.CSV), "xlsx")
	if book == "" {
		return
	}
	if n := formulas(t, book); n != 0 {
		t.Errorf("%d cells became formulas", n)
	}
	rows, err := read(open(t, book, sheet.Options{}))
	if err != nil || len(rows) != len(evil) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		want := evil[i]
		switch want { // what a program does to numbers in CSV nobody can prevent
		case "007":
			want = "7"
		case "1234567890123456":
			want = "1.23456789012346E+15"
		case "1e5":
			want = "100000"
		}
		if got := strings.ReplaceAll(strings.TrimPrefix(row.Cells[0], "#REFUSED! "), "\r", "\n"); got != strings.ReplaceAll(want, "\r", "\n") {
			t.Errorf("row %d: %q, want %q", row.Number, row.Cells[0], want)
		}
	}
	harmless := file(t, "a.csv", "ref,amount\n=1+1,5\n")
	if n := formulas(t, convert(t, harmless, "xlsx")); n != 1 {
		t.Errorf("%d formulas: LibreOffice makes none of any text, and the test above says nothing", n)
	}
}

func TestLibreOfficeReadsAndWritesResultsAsTheyWere(t *testing.T) {
	path := evilFile(t, sheet.XLSX)
	for _, to := range []string{"xlsx", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"} {
		again := convert(t, path, to)
		if again == "" {
			return
		}
		rows, err := read(open(t, again, sheet.Options{}))
		if err != nil || len(rows) != len(evil) {
			t.Fatalf("%s: %d rows, %v", to, len(rows), err)
		}
		for i, row := range rows {
			got, want := strings.ReplaceAll(row.Cells[0], "\r", "\n"), strings.ReplaceAll(evil[i], "\r", "\n")
			if got != want {
				t.Errorf("%s: row %d: %q, want %q", to, row.Number, got, want)
			}
		}
	}
}

// The files of testdata/libreoffice-* come from here: HPPLINK_UPDATE=1 makes them anew.
func TestLibreOfficeFixtures(t *testing.T) {
	for name, to := range map[string]string{
		"libreoffice.xlsx":          "xlsx",
		"libreoffice-semicolon.csv": "csv:Text - txt - csv (StarCalc):59,34,76",
		"libreoffice-sjis.csv":      "csv:Text - txt - csv (StarCalc):44,34,64",
		"libreoffice-utf16.csv":     "csv:Text - txt - csv (StarCalc):9,34,65535",
	} {
		path := convert(t, "testdata/libreoffice.fods", to)
		if path == "" {
			return
		}
		fixture := filepath.Join("testdata", name)
		if os.Getenv("HPPLINK_UPDATE") != "" {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(fixture, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := dump(path, sheet.Options{}), dump(fixture, sheet.Options{}); got != want {
			t.Errorf("%s: now LibreOffice writes\n%s\nwhen the fixture was made it was\n%s", name, got, want)
		}
	}
}
