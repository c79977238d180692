package order_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t testing.TB, data []byte) *order.Order {
	t.Helper()
	o, err := order.Decode(data)
	if err != nil {
		t.Fatalf("Decode(%s): %v", data, err)
	}
	return o
}

// with returns the full fixture with some top-level members set to raw JSON, or
// removed where it is "".
func with(t testing.TB, change map[string]string) []byte {
	t.Helper()
	var event map[string]json.RawMessage
	if err := json.Unmarshal(fixture(t, "full.json"), &event); err != nil {
		t.Fatal(err)
	}
	for name, raw := range change {
		if event[name] = json.RawMessage(raw); raw == "" {
			delete(event, name)
		}
	}
	var b strings.Builder
	for name, raw := range event {
		b.WriteString(`,` + quoted(t, name) + `:` + string(raw))
	}
	return []byte("{" + b.String()[1:] + "}")
}

func quoted(t testing.TB, s string) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// problems returns what Validate says of an event, as "field: message".
func problems(t testing.TB, data []byte) []string {
	t.Helper()
	return lines(t, decode(t, data).Validate())
}

func lines(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var invalid *order.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %T, want *InvalidError: %v", err, err)
	}
	var all []string
	for _, p := range invalid.Problems {
		all = append(all, p.Field+": "+p.Message)
	}
	return all
}
