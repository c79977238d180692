package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	table := &table{out: &out, cut: 30}
	header := []string{"REF", "CODE", "MESSAGE"}
	for _, rows := range [][][]string{
		nil,
		{{"INV-1", "rejected", "the card is refused"}, {"注文", "no", "支払い方法が無効です"}},
		{{"a-longer-ref", "no", "the card is refused"}},
		{{"b", "no", "short"}},
	} {
		if err := table.print(header, rows); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"REF    CODE      MESSAGE",
		"INV-1  rejected  the card is ref…",
		"注文   no        支払い方法が無…",
		"a-longer-ref  no        the card is ref…", // not cut below what can be read
		"b             no        short",
		"",
	}
	if diff := cmp.Diff(want, strings.Split(out.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestAge(t *testing.T) {
	for text, want := range map[string]string{
		"90m": "1h30m0s", "2h": "2h0m0s", "1d": "24h0m0s", "1d12h": "36h0m0s", "400d": "9600h0m0s",
		"": "", "0s": "", "0d": "", "-2h": "", "d": "", "1.5d": "", "1d-30h": "", "1d2d": "", "2": "", "tomorrow": "", "99999d": "",
	} {
		var a age
		err := a.UnmarshalText([]byte(text))
		if (err == nil) != (want != "") || want != "" && a.String() != want {
			t.Errorf("%q: %v %v, want %q", text, a, err, want)
		}
	}
}

func TestReadNames(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "it names no order",
		"R\n{\"merchant_id\":\"M\"}":   "line 2 has no merchant_txn_ref",
		"\n\n{\"merchant_txn_ref\":7}": "line 3 is not the JSON of one order",
		"{\"merchant_id\":\"\",\"merchant_txn_ref\":\"R\"}": "line 1 names no merchant: set --merchant-id / HPPLINK_MERCHANT_ID",
		strings.Repeat("x", 1<<17):                          "a line has more than 65536 bytes: it names no order",
	} {
		if names, err := readNames(strings.NewReader(text), "M"); err == nil || err.Error() != want {
			t.Errorf("%.40q: %v %v, want %q", text, names, err, want)
		}
	}
}
