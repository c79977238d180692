package mail

import (
	"cmp"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	texttemplate "text/template"

	"github.com/agnivade/levenshtein"
	"golang.org/x/text/language"
)

var functions = texttemplate.FuncMap{"ltr": ltr}

// source is a template file as it was read.
type source struct{ name, content string }

// parse reads the templates of one language.
func parse(l layers, tag language.Tag) (*set, []*TemplateError) {
	var found faults
	words := l.words(tag, &found)
	s := &set{
		subject: parseText(words, l.file(tag, subjectFile, &found), &found),
		text:    parseText(words, l.file(tag, textFile, &found), &found),
	}
	html := l.file(tag, htmlFile, &found)
	s.html = template.New("").Funcs(functions).Option("missingkey=zero")
	for _, src := range append(words, html) {
		if _, err := s.html.New(src.name).Parse(src.content); err != nil {
			found.add(templateError(src.name, err))
		}
	}
	s.html = s.html.Lookup(html.name)
	return s, found.all
}

func parseText(words []source, main source, found *faults) *texttemplate.Template {
	t := texttemplate.New("").Funcs(functions).Option("missingkey=zero")
	for _, src := range append(words, main) {
		if _, err := t.New(src.name).Parse(src.content); err != nil {
			found.add(templateError(src.name, err))
		}
	}
	return t.Lookup(main.name)
}

// words returns all files of words for a language, the general before the special, so that the later ones count.
func (l layers) words(tag language.Tag, found *faults) []source {
	var all []source
	for _, folder := range l {
		for _, name := range []string{wordsFile, path.Join(tag.String(), wordsFile)} {
			if src, ok := read(folder, name, found); ok {
				all = append(all, src)
			}
		}
	}
	return slices.Clip(all)
}

// file returns the file to use for a language: the last folder's, there the language's own before the general one.
func (l layers) file(tag language.Tag, name string, found *faults) source {
	for _, folder := range slices.Backward(l) {
		for _, name := range []string{path.Join(tag.String(), name), name} {
			if src, ok := read(folder, name, found); ok {
				return src
			}
		}
	}
	return source{name: name}
}

func read(folder fs.FS, name string, found *faults) (source, bool) {
	f, err := folder.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return source{}, false
	}
	if err != nil {
		found.add(&TemplateError{File: name, Problem: "cannot be read: " + reason(err)})
		return source{}, false
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxTemplate+1))
	switch {
	case err != nil:
		found.add(&TemplateError{File: name, Problem: "cannot be read: " + reason(err)})
	case len(content) > maxTemplate:
		found.add(&TemplateError{File: name, Problem: "is larger than 1 MiB"})
	}
	text := strings.TrimPrefix(string(content), "\ufeff")
	return source{name, strings.ReplaceAll(text, "\r\n", "\n")}, true
}

// reason leaves out the path that an error of the file system names.
func reason(err error) string {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	return err.Error()
}

var knownFiles = []string{subjectFile, textFile, htmlFile, wordsFile}

// checkNames finds files that would never be used. Those whose name begins with a dot are nobody's.
func checkNames(folder fs.FS) []*TemplateError {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return []*TemplateError{{File: ".", Problem: "cannot be read: " + reason(err)}}
	}
	var found faults
	for _, e := range entries {
		switch _, isLocale := localeOf(e); {
		case isLocale:
			inner, err := fs.ReadDir(folder, e.Name())
			if err != nil {
				found.add(&TemplateError{File: e.Name(), Problem: "cannot be read: " + reason(err)})
			}
			for _, f := range inner {
				found.add(checkName(path.Join(e.Name(), f.Name())))
			}
		case e.IsDir() && !strings.HasPrefix(e.Name(), "."):
			found.add(&TemplateError{File: e.Name(), Problem: `is a folder, but not named by a language as "ja" or "pt-BR" are`})
		default:
			found.add(checkName(e.Name()))
		}
	}
	return found.all
}

func checkName(name string) *TemplateError {
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || slices.Contains(knownFiles, base) {
		return nil
	}
	nearest := slices.MinFunc(knownFiles, func(a, b string) int {
		return cmp.Compare(levenshtein.ComputeDistance(a, base), levenshtein.ComputeDistance(b, base))
	})
	return &TemplateError{File: name, Problem: `is not a file that is used; did you mean "` + nearest + `"?`}
}

// localeOf takes folders that bear a language's tag in its usual form.
func localeOf(e fs.DirEntry) (language.Tag, bool) {
	if !e.IsDir() {
		return language.Tag{}, false
	}
	tag, err := language.Parse(e.Name())
	return tag, err == nil && tag.String() == e.Name() && tag != language.Und
}
