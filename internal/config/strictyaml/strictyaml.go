// Package strictyaml reads small YAML files that people write by hand, and finds everything that is wrong with one at
// once, each problem with its line and column. It knows YAML; it does not know what a file is for.
//
// It takes the plain part of YAML: mappings, lists, texts, numbers, true and false. Whatever lets a small file stand for
// a large one, or one thing look like another (anchors, aliases, merge keys, tags, a second document, a key given
// twice), is a problem. A problem never quotes the file, since that may hold secrets: it repeats keys that are known, or
// almost, and nothing else.
package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// MaxBytes is the size of the largest file that is read.
const MaxBytes = 1 << 20

// maxProblems bounds the answer to a file that is wrong in thousands of places.
const maxProblems = 100

// Problem is one thing wrong with a file.
type Problem struct {
	File         string // as it was named
	Line, Column int    // from 1; 0 for the file as a whole
	Err          error
}

// Error returns one line: file, line, column and problem.
func (p *Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %v", p.File, p.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", p.File, p.Line, p.Column, p.Err)
}

// Unwrap gives the problem without its place.
func (p *Problem) Unwrap() error { return p.Err }

// Document is one file, and what was found wrong with it so far. It is not safe for concurrent use.
type Document struct {
	name     string
	body     ast.Node // nil when it could not be read
	problems []*Problem
	further  int              // problems that were not kept
	places   map[string]place // of what was read, by path
	bad      map[string]bool  // paths with a problem
}

type place struct{ line, column int }

// Read reads a file's text. What is no YAML is noted as a problem; Root then finds nothing more to say.
func Read(name string, text []byte) *Document {
	d := &Document{name: name, places: map[string]place{}, bad: map[string]bool{}}
	if text, ok := d.checkText(text); ok {
		d.parse(text)
	}
	return d
}

// Root returns the document's only value; ok is false when it could not be read.
func (d *Document) Root() (v Value, ok bool) {
	return Value{doc: d, node: d.body, at: placeOf(d.body)}, d.body != nil
}

// Problems returns what is wrong, sorted by place.
func (d *Document) Problems() []*Problem {
	all := slices.Clone(d.problems)
	slices.SortStableFunc(all, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if d.further > 0 {
		all = append(all, &Problem{File: d.name, Err: fmt.Errorf("and %d further problems: mend these first", d.further)})
	}
	return all
}

// FailAt notes a problem of the value at a path, such as "merchants[0].rate": where that was not given, of the nearest
// value around it. It notes nothing where the value, or a part of it, has a problem already: that one is the cause.
func (d *Document) FailAt(path string, err error) {
	if d.isBad(path) {
		return
	}
	for at := path; ; at = parent(at) {
		if where, ok := d.places[at]; ok || at == "" {
			d.fail(where, path, err)
			return
		}
	}
}

func (d *Document) fail(at place, path string, err error) {
	if len(d.problems) == maxProblems {
		d.further++
		return
	}
	d.bad[path] = true
	d.problems = append(d.problems, &Problem{File: d.name, Line: at.line, Column: at.column, Err: err})
}

// isBad reports whether the value at a path, a part of it, or what it is a part of has a problem.
func (d *Document) isBad(path string) bool {
	for at := path; at != ""; at = parent(at) {
		if d.bad[at] {
			return true
		}
	}
	for bad := range d.bad {
		if rest, ok := strings.CutPrefix(bad, path); ok && rest != "" && strings.ContainsAny(rest[:1], ".[") {
			return true
		}
	}
	return false
}

// parent cuts the last step off a path.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// placeOf returns where a value begins.
func placeOf(n ast.Node) place {
	for {
		m, ok := n.(*ast.MappingNode)
		if !ok || m.IsFlowStyle || len(m.Values) == 0 {
			break
		}
		n = m.Values[0].Key // the token of a mapping itself is its first colon
	}
	if n == nil || n.GetToken() == nil {
		return place{}
	}
	return tokenPlace(n.GetToken())
}

func tokenPlace(t *token.Token) place { return place{t.Position.Line, t.Position.Column} }
