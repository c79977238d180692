package strictyaml

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"
)

// Object returns a mapping of any keys as a JSON object, or nil where it can not be one, which is noted.
func (v Value) Object() jsontext.Value {
	if _, ok := v.node.(*ast.MappingNode); !ok {
		v.wrong("a mapping")
		return nil
	}
	if json, ok := v.json(); ok {
		return json
	}
	return nil
}

func (v Value) json() (jsontext.Value, bool) {
	switch n := v.node.(type) {
	case *ast.MappingNode:
		return v.object(n)
	case *ast.SequenceNode:
		return v.array()
	case *ast.IntegerNode, *ast.FloatNode:
		text, ok := v.Number("12.50")
		return jsontext.Value(text), ok
	case *ast.BoolNode:
		return jsontext.Value(fmt.Sprint(n.Value)), true
	}
	text, ok := v.Text()
	return quoted(text), ok
}

func (v Value) object(n *ast.MappingNode) (jsontext.Value, bool) {
	json, good, given := jsontext.Value("{"), true, map[string]bool{}
	for i, entry := range n.Values {
		at, key := placeOf(entry.Key), entry.Key.GetToken().Value
		if given[key] {
			v.doc.fail(at, v.path, fmt.Errorf("a key of %s is given twice", v.name))
			good = false
		}
		given[key] = true
		value := v.part("."+key, entry.Value, at)
		value.name = "a value of " + v.name // any key is taken, and so may be a secret in a wrong place
		member, ok := value.json()
		if i > 0 {
			json = append(json, ',')
		}
		json = append(append(append(json, quoted(key)...), ':'), member...)
		good = good && ok
	}
	return append(json, '}'), good
}

func (v Value) array() (jsontext.Value, bool) {
	json, good := jsontext.Value("["), true
	for i, item := range v.Items() {
		member, ok := item.json()
		if i > 0 {
			json = append(json, ',')
		}
		json, good = append(json, member...), good && ok
	}
	return append(json, ']'), good
}

func quoted(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s) // the text was seen to be UTF-8
	return b
}
