package cli

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hpplink/hpplink/internal/bulk"
)

// problemFile is the list of all that is wrong with a file's rows. It is begun with the first finding, and there once it is
// whole. An older one goes when nothing is wrong any more.
type problemFile struct {
	path string // "" for none
	file *os.File
	csv  *csv.Writer
}

func newProblemFile(path string) *problemFile { return &problemFile{path: path} }

func (f *problemFile) write(found bulk.Finding) error {
	if f.path == "" {
		return nil
	}
	if f.file == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	return f.csv.Write([]string{strconv.Itoa(found.Row), string(found.Kind), asText(found.Column), found.Message})
}

func (f *problemFile) begin() (err error) {
	if f.file, err = os.CreateTemp(filepath.Dir(f.path), ".problems-*.csv"); err != nil {
		return err
	}
	f.csv = csv.NewWriter(f.file)
	f.csv.UseCRLF = true
	return f.csv.Write([]string{"\ufeffrow", "kind", "column", "problem"})
}

// asText keeps a spreadsheet program from taking a header for a formula.
func asText(header string) string {
	if header != "" && strings.ContainsRune("=+-@\t\r", rune(header[0])) {
		return "'" + header
	}
	return header
}

// keep puts the list into its place.
func (f *problemFile) keep() error {
	if f.path == "" {
		return nil
	}
	if f.file == nil {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	f.csv.Flush()
	err := errors.Join(f.csv.Error(), f.file.Close())
	if err == nil {
		err = os.Rename(f.file.Name(), f.path)
	}
	if err == nil {
		f.file = nil
	}
	return err
}

// drop leaves nothing behind of a list that was not kept.
func (f *problemFile) drop() {
	if f.file != nil {
		f.file.Close()
		os.Remove(f.file.Name())
	}
}
