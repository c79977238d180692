package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func valuesOf(text string) (all []string, err error) {
	err = eachBatch(strings.NewReader(text), 2, func(values [][]byte) error {
		for _, v := range values {
			all = append(all, string(v))
		}
		return nil
	})
	return all, err
}

func TestValuesOfAnInput(t *testing.T) {
	for name, test := range map[string]struct {
		in   string
		want []string
		bad  bool
	}{
		"nothing":               {in: " \n"},
		"one":                   {in: `{"a":1}`, want: []string{`{"a":1}`}},
		"one, of many lines":    {in: "{\n\"a\":\n{\"b\":1}\n}\n", want: []string{"{\n\"a\":\n{\"b\":1}\n}"}},
		"one behind the other":  {in: `{"a":1} {"b":2}`, want: []string{`{"a":1}`, `{"b":2}`}},
		"a line each":           {in: "{\"a\":1}\r\n\n{\"b\":2}", want: []string{`{"a":1}`, `{"b":2}`}},
		"an array":              {in: `[{"a":1},{"b":2}]`, want: []string{`{"a":1}`, `{"b":2}`}},
		"an array, a line each": {in: "[\n{\"a\":1},\n{\"b\":2}\n]", want: []string{`{"a":1}`, `{"b":2}`}},
		"an array of one line":  {in: "[\n{\"a\":1}\n]", want: []string{`{"a":1}`}},
		"a mark in front":       {in: "\ufeff{\"a\":1}\n{\"b\":2}", want: []string{`{"a":1}`, `{"b":2}`}},
		"a broken line":         {in: "{\"a\":1}\n{\n{\"b\":2}", want: []string{`{"a":1}`, `{`, `{"b":2}`}},
		"a broken array":        {in: `[{"a":1},{"b":`, want: []string{`{"a":1}`}, bad: true},
	} {
		got, err := valuesOf(test.in)
		if !slices.Equal(got, test.want) || (err != nil) != test.bad {
			t.Errorf("%s: %q %v, want %q", name, got, err, test.want)
		}
	}
}

// TestRegressionFirstLineIsBroken: a broken first line once ended the reading, while any other one is answered by itself.
func TestRegressionFirstLineIsBroken(t *testing.T) {
	got, err := valuesOf("{\"a\":NaN}\n{\"b\":2}\n{\"c\":3}\n")
	if want := []string{`{"a":NaN}`, `{"b":2}`, `{"c":3}`}; !slices.Equal(got, want) || err != nil {
		t.Errorf("%q %v, want %q", got, err, want)
	}
}

// TestRegressionOnlyJSONsWhiteSpaceIsTrimmed: a no-break space behind an order was taken off here, and refused at other ways in.
func TestRegressionOnlyJSONsWhiteSpaceIsTrimmed(t *testing.T) {
	got, err := valuesOf("{\"a\":1}\u00a0\n \t{\"b\":2}\r\n{\"c\":3}\n")
	if want := []string{"{\"a\":1}\u00a0", `{"b":2}`, `{"c":3}`}; !slices.Equal(got, want) || err != nil {
		t.Errorf("%q %v, want %q", got, err, want)
	}
}

// TestRegressionRefsDoNotSteerTheTerminal: a refused ref with a line break once printed a line of its own.
func TestRegressionRefsDoNotSteerTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"a\naccepted  M1  b": `a\naccepted  M1  b`, "a\x1b[2J": `a\x1b[2J`, "a\u202eb": `a\u202eb`, "a\u0085\u2028": `a\u0085\u2028`, "注文 🎎 é\u200fא\\": "注文 🎎 é\u200fא\\",
	} {
		if got := visible(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

// FuzzValues: whatever the input, values come out whole and not empty, and all of them where every line is one.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"", "{}", "{}\n{}", "[{},{}]", "[\n{}\n]", "{\n}", "{\"a\":NaN}\n{}", "\ufeff{}\r\n{}", "[[", "1 2", "\xff\n{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := valuesOf(string(in))
		for _, v := range got {
			if strings.Trim(v, " \t\r\n") != v || v == "" {
				t.Errorf("%q is a value of %q", v, in)
			}
		}
		lines, whole := objectLines(in)
		if whole && (err != nil || !slices.Equal(got, lines)) {
			t.Errorf("%q of %q, %v", got, in, err)
		}
	})
}

// objectLines are the lines of a text that are not empty, and whether each is one object.
func objectLines(text []byte) (all []string, whole bool) {
	for _, line := range bytes.Split(text, []byte("\n")) {
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 {
			continue
		}
		var object map[string]any
		if json.Unmarshal(line, &object) != nil || line[0] != '{' {
			return nil, false
		}
		all = append(all, string(line))
	}
	return all, true
}
