package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hpplink/hpplink/internal/config/strictyaml"
	"github.com/hpplink/hpplink/internal/merchant"
)

// Settings are what a settings file holds, or what takes its place.
type Settings struct {
	Merchants []merchant.Profile
	Tokens    []Token
	Sources   []Source // of the secrets of a settings file
}

// Token lets a client of the HTTP interface in.
type Token struct {
	Name  string // of the client, for the log
	Value merchant.Secret
}

// LoadFile reads a settings file with everything that it refers to. The error is Errors with all that is wrong, most of
// them a *strictyaml.Problem with file, line and column. None of them shows a secret.
func LoadFile(path string) (Settings, error) { return load(path, reader{whole: true, folders: true}) }

// LoadDefaults reads a settings file for a door that only takes orders in: secrets and mail templates are neither read
// nor missed, and are absent from what it returns. All else is checked as by LoadFile.
func LoadDefaults(path string) (Settings, error) { return load(path, reader{}) }

// LoadLetters is LoadDefaults, but with mail templates.
func LoadLetters(path string) (Settings, error) { return load(path, reader{folders: true}) }

func load(path string, r reader) (Settings, error) {
	text, err := readAtMost(path, strictyaml.MaxBytes)
	if err != nil {
		return Settings{}, Errors{fmt.Errorf("--config / HPPLINK_CONFIG: %s: %w", path, reason(err))}
	}
	r.doc, r.folder = strictyaml.Read(path, text), filepath.Dir(path)
	s := r.settings()
	var errs Errors
	for _, p := range r.doc.Problems() {
		errs = append(errs, p)
	}
	if len(errs) > 0 {
		return Settings{}, errs
	}
	return s, nil
}

// readAtMost reads a file, and one byte more than most if it is larger: the file may be a pipe, or without an end.
func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}

// reason takes the path off an error, which may be a secret that was written where a path was due.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// reader makes settings of a document.
type reader struct {
	doc     *strictyaml.Document
	folder  string // where relative paths begin
	whole   bool   // secrets are read too
	folders bool   // folders are read too
	sources []Source
}

func (r *reader) settings() (s Settings) {
	root, ok := r.doc.Root()
	if !ok {
		return s
	}
	m := root.Mapping("merchants", "tokens")
	if v, ok := m.Get("merchants"); ok {
		s.Merchants = r.merchants(v)
	}
	if v, ok := m.Get("tokens"); ok {
		s.Tokens = r.tokens(v)
	}
	if m.OK() && m.Len() == 0 {
		root.Fail("holds neither merchants nor tokens")
	}
	s.Sources = r.sources
	return s
}

// path makes a path absolute that is relative to the settings file.
func (r *reader) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.folder, p)
}
