package strictyaml_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/config/strictyaml"
)

// said returns what is wrong with a document, without its name.
func said(d *strictyaml.Document) (lines []string) {
	for _, p := range d.Problems() {
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(p.Error(), "f.yaml:")))
	}
	return lines
}

func read(t *testing.T, text string, known ...string) (*strictyaml.Document, *strictyaml.Mapping) {
	t.Helper()
	d := strictyaml.Read("f.yaml", []byte(text))
	root, ok := d.Root()
	if !ok {
		t.Fatalf("%q can not be read: %q", text, said(d))
	}
	return d, root.Mapping(known...)
}

func TestValues(t *testing.T) {
	d, m := read(t, "\ufeff---\r\na: \"é\\n\" # a text\r\nb: 1.50\r\nc: [x, 'y']\r\nd: |\r\n  two\r\n  lines\r\n", "a", "b", "c", "d", "e")
	c, _ := m.Get("c")
	if a, b, d, e := m.Text("a"), m.Number("b", "1"), m.Text("d"), m.Text("e"); a != "é\n" || b != "1.50" || d != "two\nlines\n" || e != "" {
		t.Errorf("%q %q %q %q", a, b, d, e)
	}
	if texts := c.Texts(); !slices.Equal(texts, []string{"x", "y"}) || m.Len() != 4 || len(d.Problems()) != 0 {
		t.Errorf("%q %q", texts, said(d))
	}
}

func TestNumbers(t *testing.T) {
	for text, good := range map[string]bool{
		"1": true, "0": true, "-1": true, "1.50": true, "0.1": true, "99999999999999999": true,
		"01": false, "0o7": false, "0x1": false, "1e3": false, "1_000": false, ".5": false, "1.": false, "+1": false, ".inf": false, ".nan": false,
		"true": false, "~": false, "\"1\"": false, "[1]": false, "{}": false, "1:30": false, "9999999999999999999": false,
	} {
		d, m := read(t, "a: "+text, "a")
		if got := m.Number("a", "5"); (got == text) != good || (len(d.Problems()) == 0) != good {
			t.Errorf("%s is %q: %q", text, got, said(d))
		}
	}
}

func TestObjects(t *testing.T) {
	d, m := read(t, "a: {x: \"\\\"é\", 'y z': [1.50, true, {}], 5: b}\n", "a")
	a, _ := m.Get("a")
	if got := string(a.Object()); got != `{"x":"\"é","y z":[1.50,true,{}],"5":"b"}` || len(d.Problems()) != 0 {
		t.Errorf("%s %q", got, said(d))
	}
	for text, want := range map[string]string{
		"a: [x]":               "1:1: a is a list: it must be a mapping",
		"a: {secret: , b: 1}":  "1:5: a value of a is empty: give it a value, or leave the key out",
		"a: {secret: [0x1]}":   "1:14: a value of a[0] is no plain decimal number: write it like 12.50",
		"a:\n  s: 1\n  s: 2\n": "3:3: a key of a is given twice",
	} {
		d, m := read(t, text, "a")
		a, _ := m.Get("a")
		if got := a.Object(); got != nil || !slices.Equal(said(d), []string{want}) {
			t.Errorf("%q is %s: %q, want %q", text, got, said(d), want)
		}
	}
}

func TestUnknownKeys(t *testing.T) {
	for key, want := range map[string]string{
		"gateway-url":                `1:1: the key "gateway-url" is not known: did you mean "gateway_url"?`,
		"GatewayURL":                 `1:1: the key "GatewayURL" is not known: did you mean "gateway_url"?`,
		"secret":                     `1:1: this key is not known; known here: id, gateway_url`,
		"ie":                         `1:1: the key "ie" is not known: did you mean "id"?`,
		strings.Repeat("x", 100_000): `1:1: this key is not known; known here: id, gateway_url`,
	} {
		d, _ := read(t, fmt.Sprintf("%s: 1\n", key), "id", "gateway_url")
		if !slices.Equal(said(d), []string{want}) {
			t.Errorf("%.20s: %q, want %q", key, said(d), want)
		}
	}
}

// TestOneCauseIsToldOnce: what follows from a problem that is told is no further one.
func TestOneCauseIsToldOnce(t *testing.T) {
	d, m := read(t, "a: {b: {c: 1}}\nd:\n  - x\n  - {}\n", "a", "d", "e")
	a, _ := m.Get("a")
	c, _ := a.Mapping("b").Get("b")
	c.Mapping("c").Text("c")
	list, _ := m.Get("d")
	list.Texts()
	for _, path := range []string{"a", "a.b", "a.b.c", "a.b.c.x", "d", "d[1]"} {
		d.FailAt(path, errors.New("follows"))
	}
	d.FailAt("a.x", errors.New("new"))
	d.FailAt("d[0].y", errors.New("new"))
	d.FailAt("e", errors.New("new"))
	want := []string{"new", "1:1: new", "1:9: a.b.c is a number: it must be a text, so put it in quotes", "3:5: new", "4:5: d[1] is a mapping: it must be a text"}
	if !slices.Equal(said(d), want) {
		t.Errorf("%q\nwant %q", said(d), want)
	}
}

func TestManyProblemsAreCut(t *testing.T) {
	d, m := read(t, "a: ["+strings.Repeat("1, ", 500)+"1]", "a")
	a, _ := m.Get("a")
	a.Texts()
	if got := said(d); len(got) != 101 || got[100] != "and 401 further problems: mend these first" {
		t.Errorf("%d: %q", len(got), got[len(got)-1])
	}
}

// TestEvilFilesEndSoon: files made to take long or to nest deep. Their size leaves time for the race detector; what would
// take time by its square takes seconds at this size already.
func TestEvilFilesEndSoon(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, strictyaml.MaxBytes/8/len(unit)) }
	steps := strings.Builder{}
	for i := range 1400 {
		steps.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for name, text := range map[string]string{
		"brackets": fill("["), "braces": fill("{a: "), "entries": fill("- "), "steps": steps.String(), "keys": fill("a: b\n"), "colons": fill(": "),
		"quotes": fill("\""), "apostrophes": fill("'a\n"), "blocks": fill("a: |\n  b\n"), "text": "a: " + fill("x\n "), "list": "a: [" + fill("é, "), "comments": fill("# x\n"),
		"questions": fill("? "), "anchors": fill("&a "), "aliases": "a: &a 1\n" + fill("? *a\n"), "tags": fill("!a "), "dashes": fill("---\n"), "ends": fill("...\n"),
		"flow keys": "{" + fill("a: b, "), "quoted keys": fill("\"a\": b\n"), "inner keys": "a:\n" + fill("  b:\n    c\n"), "keys in a list": "- x:\n" + fill("    a: b\n"),
		"tabs": fill("\t"), "items": fill("- a\n"), "too large": strings.Repeat("a", strictyaml.MaxBytes+1),
	} {
		begun := time.Now()
		d := strictyaml.Read("f.yaml", []byte(text))
		if root, ok := d.Root(); ok {
			root.Mapping("b")
		}
		if len(d.Problems()) == 0 || time.Since(begun) > 5*time.Second {
			t.Errorf("%s: %d problems after %v", name, len(d.Problems()), time.Since(begun))
		}
	}
}
