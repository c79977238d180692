package bulk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/hpplink/hpplink/internal/sheet"
)

// Input is a file of orders. It is read several times, so it must stay as it is meanwhile.
type Input struct {
	Path    string
	Name    string // for people, and in the batch's id; "" for the path's last part
	Options sheet.Options

	seen os.FileInfo
}

// ErrChanged means that the file is not the one that was read before.
var ErrChanged = errors.New("the file was changed while it was read: run it again, and leave the file alone until it ends")

func (in *Input) open() (*sheet.Reader, error) {
	info, err := os.Stat(in.Path)
	if err != nil {
		return nil, err
	}
	if in.seen == nil {
		in.seen = info
	}
	if info.Size() != in.seen.Size() || !info.ModTime().Equal(in.seen.ModTime()) {
		return nil, ErrChanged
	}
	return sheet.Open(in.Path, in.Options)
}

// name is what the file is called, also when it comes back as a result.
func (in *Input) name() string {
	name := in.Name
	if name == "" {
		name = filepath.Base(in.Path)
	}
	return name
}

const resultMark = ".result"

// stem is the name without its extension, the same for a file and for its result.
func stem(name string) string {
	if _, ok := sheet.FormatOf(name); ok {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	return strings.TrimSuffix(name, resultMark)
}

// ResultPath is where the result of the file goes if nobody says otherwise: beside it, as "<name>.result.<extension>". The
// result of a result takes its place, since it holds all that the other one did.
func (p *Plan) ResultPath(path string) string {
	name := stem(filepath.Base(path)) + resultMark
	ext := filepath.Ext(path)
	if f, ok := sheet.FormatOf(path); !ok || f != p.Info.Format {
		ext = "." + string(p.Info.Format)
	}
	return filepath.Join(filepath.Dir(path), name+ext)
}
