package mail

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// TemplateError is one thing wrong with one template file.
type TemplateError struct {
	File    string // below the template folder: "ja/body.html"
	Line    int    // 0: the file as a whole
	Problem string
}

// Error is like "ja/body.html:12: …".
func (e *TemplateError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// located is how text/template and html/template begin their errors.
var located = regexp.MustCompile(`^(?:html/)?template:\s?([^:]+):(\d+):(?:\d+:)? (.*)$`)

var executing = regexp.MustCompile(`^executing "[^"]*" at `)

// templateError finds file and line in an error of a template of that file.
func templateError(file string, err error) *TemplateError {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	e := &TemplateError{File: file, Problem: text}
	if m := located.FindStringSubmatch(text); m != nil {
		e.Problem = executing.ReplaceAllString(m[3], "")
		if strings.ContainsRune(m[1], '.') { // else it names a {{define}}, whose lines are not the file's
			e.File = m[1]
			e.Line, _ = strconv.Atoi(m[2])
		}
	}
	return e
}

// faults gathers errors, each once: a file that serves several languages is tried with each.
type faults struct{ all []*TemplateError }

func (f *faults) add(some ...*TemplateError) {
	for _, e := range some {
		if e != nil && !f.has(e) {
			f.all = append(f.all, e)
		}
	}
}

func (f *faults) has(e *TemplateError) bool {
	for _, known := range f.all {
		if *known == *e {
			return true
		}
	}
	return false
}

func (f *faults) join() error {
	all := make([]error, len(f.all))
	for i, e := range f.all {
		all[i] = e
	}
	return errors.Join(all...)
}
