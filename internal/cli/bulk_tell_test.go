package cli

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/ledger"
)

func TestWrappedLinesFit(t *testing.T) {
	for _, text := range []string{
		"", "short", strings.Repeat("word ", 60), strings.Repeat("x", 300), "  row 7: 注文番号: " + strings.Repeat("長い文", 50) + " end",
	} {
		got := wrapped(text, 80)
		for _, line := range strings.Split(got, "\n") {
			if uniseg.StringWidth(line) > 80 {
				t.Errorf("%q has %d cells", line, uniseg.StringWidth(line))
			}
		}
		if strip(got) != strip(text) {
			t.Errorf("%q became %q", text, got)
		}
		if wrapped(text, 0) != text {
			t.Errorf("%q was broken for no terminal", text)
		}
	}
}

func strip(s string) string { return strings.Join(strings.Fields(s), "") }

func TestProgressFitsTheTerminal(t *testing.T) {
	var out strings.Builder
	p := &bulkProgress{out: &out, width: 80}
	s := bulk.Standing{Rate: 12345, Batch: ledger.Batch{State: ledger.BatchRunning, Orders: 1e9, Issued: 123456789, Failed: 123456789, Open: 753086422}}
	s.Why = strings.Repeat("the gateway does not serve merchant 加盟店 ", 9)
	p.standing(s)
	p.sent(bulk.Sent{Rows: 5, Orders: 1e9, Retried: 1e9, Full: strings.Repeat("M", 128)}, 1e9)
	p.end()
	for _, line := range strings.FieldsFunc(strings.ReplaceAll(out.String(), "\x1b[K", ""), func(c rune) bool { return c == '\n' || c == '\r' }) {
		line = strings.NewReplacer("\x1b[2K", "", "\x1b[0K", "").Replace(line)
		if n := uniseg.StringWidth(line); n >= 80 {
			t.Errorf("%d cells: %q", n, line)
		}
	}
	if !strings.Contains(out.String(), "123,456,789 issued") {
		t.Errorf("%q", out.String())
	}
}
