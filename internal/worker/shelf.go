package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
)

// Shelf keeps the mail templates of merchants, each folder read and tried once.
type Shelf struct {
	mu      sync.Mutex
	folders map[string]shelved
}

type shelved struct {
	templates *mail.Templates
	err       error
}

// NewShelf returns an empty shelf.
func NewShelf() *Shelf { return &Shelf{folders: map[string]shelved{}} }

// Check reads the templates of these merchants anew, and tries them on samples. The error joins all that is wrong with
// them; then templates that were right before stay in use.
func (s *Shelf) Check(all []merchant.Profile) error {
	var errs []error
	for _, p := range all {
		t, err := load(p.Mail.Templates)
		if err != nil {
			errs = append(errs, fmt.Errorf("merchant %s: mail templates: %w", p.ID, err))
			continue
		}
		s.mu.Lock()
		s.folders[p.Mail.Templates] = shelved{templates: t}
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}

// Of returns the templates in a folder, or, where that is "", those that are built in.
func (s *Shelf) Of(folder string) (*mail.Templates, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, ok := s.folders[folder]
	if !ok {
		kept.templates, kept.err = load(folder)
		s.folders[folder] = kept
	}
	return kept.templates, kept.err
}

func load(folder string) (*mail.Templates, error) {
	var files fs.FS
	if folder != "" {
		files = os.DirFS(folder)
	}
	return mail.LoadTemplates(files)
}
