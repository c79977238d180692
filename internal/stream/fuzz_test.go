package stream_test

import (
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/stream"
)

func FuzzStreamEntry(f *testing.F) {
	f.Add("order", event("M1", "r", 1), "lane", "bulk")
	f.Add("order", "", "", "")
	f.Add("lane", "\x00", "source", "1-1")
	f.Add("order", "{}", "order", "[]")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		fields := map[string]string{name1: value1}
		fields[name2] = value2
		e, problems := stream.Decode(fields)
		if text, there := fields["order"]; there && string(e.JSON) != text || !there && (e.JSON != nil || len(problems) == 0) {
			t.Errorf("an event %q of order %q (%v)", e.JSON, text, there)
		}
		lane, known := order.Lane(fields["lane"]), false
		switch lane {
		case "", order.Interactive, order.Bulk:
			known = true
		}
		if e.Lane != order.Interactive && e.Lane != order.Bulk || known && lane != "" && e.Lane != lane {
			t.Errorf("lane %q of %q", e.Lane, lane)
		}
		if _, there := fields["order"]; (len(problems) == 0) != (known && there) {
			t.Errorf("problems %v of %q", problems, fields)
		}
		for _, p := range problems {
			if !known && len(lane) > 12 && strings.Contains(p.Message, string(lane)) {
				t.Errorf("%q repeats %q", p.Message, lane)
			}
		}
		for name, value := range stream.Kept(fields) {
			if name == ledger.SourceField || fields[name] != value {
				t.Errorf("keeps %q: %q", name, value)
			}
		}
	})
}

func TestKeptFieldsAreBoundedButForTheOrder(t *testing.T) {
	fields := map[string]string{"order": "{}", "lane": "bulk", "source": "1-1"}
	for i := range 10_000 {
		fields[ref(i)] = "v"
		fields["a"+ref(i)] = "v"
	}
	kept := stream.Kept(fields)
	if len(kept) > 40 || kept["order"] != "{}" || kept["lane"] != "bulk" || kept["source"] != "" {
		t.Errorf("keeps %d: %v", len(kept), kept)
	}
}
