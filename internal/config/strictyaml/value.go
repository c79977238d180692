package strictyaml

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Value is one value of a document.
type Value struct {
	doc  *Document
	node ast.Node
	path string // by which problems are kept from being told twice: "merchants[0].rate"
	name string // by which people know it: the path, as far as its keys are known ones
	at   place
}

// Path names the value for FailAt: "merchants[0].rate".
func (v Value) Path() string { return v.path }

// Fail notes a problem of the value.
func (v Value) Fail(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	if v.name != "" {
		err = fmt.Errorf("%s %w", v.name, err)
	}
	v.doc.fail(v.at, v.path, err)
}

func (v Value) wrong(want string) {
	if v.kind() == "empty" {
		v.Fail("is empty: give it a value, or leave the key out")
		return
	}
	v.Fail("is %s: it must be %s", v.kind(), want)
}

func (v Value) kind() string {
	switch v.node.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	}
	return "something else"
}

// IsScalar reports whether the value is a text, a number, or true or false.
func (v Value) IsScalar() bool {
	switch v.kind() {
	case "a text", "a number", "true or false":
		return true
	}
	return false
}

// IsNumber reports whether the value is a number.
func (v Value) IsNumber() bool { return v.kind() == "a number" }

// Text returns a text that is not empty; ok is false where there is none, which is noted.
func (v Value) Text() (text string, ok bool) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.BoolNode:
		v.Fail("is %s: it must be a text, so put it in quotes", v.kind())
		return "", false
	default:
		v.wrong("a text")
		return "", false
	}
	if strings.TrimSpace(text) == "" {
		v.Fail("is empty: give it a value, or leave the key out")
		return "", false
	}
	return text, true
}

// decimal has no exponent, no other base, no underscores, no infinity.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$`)

// Number returns a decimal number as it was written; ok is false where there is none, which is noted. example is what
// one looks like.
func (v Value) Number(example string) (text string, ok bool) {
	switch n := v.node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		if text = n.GetToken().Value; decimal.MatchString(text) {
			return text, true
		}
		v.Fail("is no plain decimal number: write it like %s", example)
	case *ast.StringNode:
		if decimal.MatchString(n.Value) {
			v.Fail("is a text: leave out the quotes")
		} else {
			v.wrong("a number like " + example)
		}
	default:
		v.wrong("a number like " + example)
	}
	return "", false
}

// Items returns the values of a list that is not empty; anything else is noted.
func (v Value) Items() []Value {
	list, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.wrong("a list, each entry on a line that begins with \"- \"")
		return nil
	}
	if len(list.Values) == 0 {
		v.Fail("is empty: give it an entry, or leave the key out")
	}
	items := make([]Value, len(list.Values))
	for i, n := range list.Values {
		at := placeOf(n)
		if _, empty := n.(*ast.NullNode); empty {
			at = v.at // an absent value has no place of its own
		}
		items[i] = v.part(fmt.Sprintf("[%d]", i), n, at)
	}
	return items
}

// Texts returns the texts of a list.
func (v Value) Texts() (all []string) {
	for _, item := range v.Items() {
		if text, ok := item.Text(); ok {
			all = append(all, text)
		}
	}
	return all
}

// part is what a step leads to: "[0]" or ".rate".
func (v Value) part(step string, n ast.Node, at place) Value {
	p := Value{doc: v.doc, node: n, path: strings.TrimPrefix(v.path+step, "."), name: strings.TrimPrefix(v.name+step, "."), at: at}
	v.doc.places[p.path] = at
	return p
}
