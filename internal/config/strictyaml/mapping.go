package strictyaml

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml/ast"
)

// Mapping is a mapping of which all known keys are known. Those that are absent read as zero.
type Mapping struct {
	value  Value
	values map[string]Value
	wrong  bool // it has a problem
}

// Mapping returns the mapping, whose keys are to be among the known ones; what is not is noted.
func (v Value) Mapping(known ...string) *Mapping {
	m := &Mapping{value: v, values: map[string]Value{}}
	node, ok := v.node.(*ast.MappingNode)
	if !ok {
		m.wrong = true
		v.wrong("a mapping with keys like \"" + known[0] + ": …\"")
		return m
	}
	for _, entry := range node.Values {
		m.add(entry, known)
	}
	return m
}

func (m *Mapping) add(entry *ast.MappingValueNode, known []string) {
	at := placeOf(entry.Key)
	key := entry.Key.GetToken().Value
	nearest, distance := nearest(key, known)
	if distance > 0 {
		m.wrong = true
		m.unknown(at, key, nearest, distance, known)
		return
	}
	path := m.path(key)
	if first, twice := m.values[key]; twice {
		m.wrong = true
		m.value.doc.fail(at, path, fmt.Errorf("%s is given twice: the first is on line %d", path, first.at.line))
		return
	}
	m.values[key] = m.value.part("."+key, entry.Value, at)
}

// unknown repeats a key only if it is almost one that is known: anything else could be a secret in a wrong place.
func (m *Mapping) unknown(at place, key, nearest string, distance int, known []string) {
	if distance > max(1, len(nearest)/3) {
		m.value.doc.fail(at, m.path("?"), fmt.Errorf("this key is not known; known here: %s", strings.Join(known, ", ")))
		return
	}
	m.value.doc.fail(at, m.path(nearest), fmt.Errorf("the key %q is not known: did you mean %q?", key, nearest))
}

func (m *Mapping) path(key string) string { return strings.TrimPrefix(m.value.path+"."+key, ".") }

// nearest returns the known key that is least different, and by how much.
func nearest(key string, known []string) (name string, distance int) {
	const tooLong = 50 // a key of thousands of characters is like none, and takes long to compare
	if len(key) > tooLong {
		return known[0], len(key)
	}
	distance = -1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(strings.ReplaceAll(key, "-", "_")), k); distance < 0 || d < distance {
			name, distance = k, d
		}
	}
	if distance == 0 && key != name {
		distance = 1
	}
	return name, distance
}

// Get returns a key's value, or false when it is absent.
func (m *Mapping) Get(key string) (Value, bool) {
	v, ok := m.values[key]
	return v, ok
}

// OK reports whether it is a mapping, with keys that are known and given once.
func (m *Mapping) OK() bool { return !m.wrong }

// Len is how many keys there are.
func (m *Mapping) Len() int { return len(m.values) }

// Text returns a key's text, or "".
func (m *Mapping) Text(key string) (text string) {
	if v, ok := m.values[key]; ok {
		text, _ = v.Text()
	}
	return text
}

// Number returns a key's decimal number as it was written, or "".
func (m *Mapping) Number(key, example string) (text string) {
	if v, ok := m.values[key]; ok {
		text, _ = v.Number(example)
	}
	return text
}
