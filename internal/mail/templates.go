package mail

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"slices"
	texttemplate "text/template"

	"golang.org/x/text/language"
)

//go:embed builtin
var embedded embed.FS

const (
	maxTemplate = 1 << 20 // bytes of a file
	maxWritten  = 1 << 20 // bytes of what one template writes
	maxSubject  = 200     // characters
)

// The files of a template folder.
const (
	wordsFile   = "words.txt"
	subjectFile = "subject.txt"
	textFile    = "body.txt"
	htmlFile    = "body.html"
)

// Templates puts letters into words. It is safe for concurrent use.
type Templates struct {
	tags    []language.Tag // English first: what a reader gets whose language is not there
	sets    []*set         // one for each tag
	matcher language.Matcher
}

// LoadTemplates returns the built-in templates (English, Japanese, Arabic) with what a merchant's folder puts in their
// place; nil: nothing. The folder holds any of subject.txt, body.txt and body.html, for all languages, and folders named
// by language ("ja") with the same files for one. A file words.txt in either gives other words to the built-in files:
// {{define "button"}}Pay{{end}}. A folder for a language that is not built in makes it known; it needs all of the words,
// or files that do without them.
//
// All are tried on sample letters. The error joins a *TemplateError for each thing wrong: a file that is not known or
// cannot be parsed, a field that Data does not have, a body without the link.
func LoadTemplates(folder fs.FS) (*Templates, error) {
	builtin, err := fs.Sub(embedded, "builtin")
	if err != nil {
		return nil, err
	}
	layers := layers{builtin}
	var faults faults
	if folder != nil {
		faults.add(checkNames(folder)...)
		layers = append(layers, folder)
	}
	t := &Templates{tags: layers.locales()}
	for _, tag := range t.tags {
		set, found := parse(layers, tag)
		if faults.add(found...); len(found) == 0 {
			faults.add(set.try(tag)...)
		}
		t.sets = append(t.sets, set)
	}
	t.matcher = language.NewMatcher(t.tags)
	return t, faults.join()
}

// choose finds the words for a reader.
func (t *Templates) choose(locale string) (language.Tag, *set) {
	wanted, err := language.Parse(locale)
	if err != nil {
		return t.tags[0], t.sets[0]
	}
	_, i, _ := t.matcher.Match(wanted)
	return t.tags[i], t.sets[i]
}

// set is the templates of one language.
type set struct {
	subject, text *texttemplate.Template
	html          *template.Template
}

// written is what a set makes of a letter.
type written struct {
	subject    string
	text, html []byte
}

func (s *set) write(d *Data) (*written, error) {
	subject, err := execute(s.subject, d)
	if err != nil {
		return nil, err
	}
	text, err := execute(s.text, d)
	if err != nil {
		return nil, err
	}
	html, err := execute(s.html, d)
	if err != nil {
		return nil, err
	}
	return &written{header(cut(oneLine(string(subject)), maxSubject)), text, html}, nil
}

type executable interface {
	Execute(w io.Writer, data any) error
}

func execute(t executable, d *Data) ([]byte, error) {
	var b bounded
	if err := t.Execute(&b, d); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// bounded is a buffer that refuses to grow without end.
type bounded struct{ bytes.Buffer }

var errTooLong = errors.New("the template writes more than 1 MiB")

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxWritten {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// layers are folders of templates, the later before the earlier.
type layers []fs.FS

// locales lists the languages that have a folder, English first.
func (l layers) locales() []language.Tag {
	tags := []language.Tag{language.English}
	for _, folder := range l {
		entries, _ := fs.ReadDir(folder, ".") // checkNames has told
		for _, e := range entries {
			if tag, ok := localeOf(e); ok && !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	return tags
}
