package sheet

import (
	"errors"
	"os"
	"path/filepath"
)

// atomicFile becomes visible under its name whole, or not at all. Only its owner may read
// it: it holds customers' data and links.
type atomicFile struct {
	*os.File
	path string
}

func createAtomic(path string) (*atomicFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	return &atomicFile{f, path}, nil
}

// abort removes the file and returns err, with what went wrong on top of it.
func (f *atomicFile) abort(err error) error {
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// commit brings the file to disk and puts it in place of what was there.
func (f *atomicFile) commit() error {
	if err := f.Sync(); err != nil {
		return f.abort(err)
	}
	if err := f.Close(); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
