package order_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// shuffle rewrites a JSON value with its keys in another order, every string
// fully escaped and white space in between.
func shuffle(t *rapid.T, v jsontext.Value, r *rand.Rand) []byte {
	switch v.Kind() {
	case '{':
		return shuffleObject(t, v, r)
	case '"':
		s, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		return escaped(string(s))
	}
	return v
}

func shuffleObject(t *rapid.T, v jsontext.Value, r *rand.Rand) []byte {
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for dec.PeekKind() == '"' {
		name, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		name = bytes.Clone(name)
		value, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bytes.Join([][]byte{shuffle(t, name, r), shuffle(t, bytes.Clone(value), r)}, []byte(" :\t")))
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return append(append([]byte("{\n"), bytes.Join(all, []byte(" ,\n"))...), " }"...)
}

func escaped(s string) []byte {
	var b strings.Builder
	for _, c := range s {
		if c < 0x10000 {
			fmt.Fprintf(&b, `\u%04X`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return []byte(`"` + b.String() + `"`)
}
