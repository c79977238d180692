package sheet_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/sheet"
)

func TestExactNumbers(t *testing.T) {
	for stored, want := range map[string]string{
		"1234.5": "1234.5", "0": "0", "-0": "0", "100": "100", "1E3": "1000", "1.5e+3": "1500", "1.2345E-2": "0.012345", "-5": "-5",
		"0.30000000000000004": "0.3", "110.00000000000001": "110", "33.333333333333336": "33.3333333333333", "999999999999999.9": "1000000000000000",
		"1234567890123456": "1234567890123460", "12.50": "12.5", "00.10": "0.1", "1E400": "1" + strings.Repeat("0", 400),
		"": "", "x": "", "1E": "", "1E999999999": "", "NaN": "", "+1": "", ".5": "", "1,5": "", "0x10": "", "1_0": "",
	} {
		if got, ok := sheet.Exact(stored); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", stored, got, ok, want)
		}
	}
}

// A number of at most 15 digits comes out with the value that it went in with.
func TestExactLosesAndInventsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := rapid.StringMatching(`-?[0-9]{1,8}(\.[0-9]{1,7})?(E[+-]?[0-9]{1,2})?`).Draw(t, "stored")
		got, ok := sheet.Exact(stored)
		a, ok1 := new(big.Rat).SetString(stored)
		b, ok2 := new(big.Rat).SetString(got)
		if !ok || !ok1 || !ok2 || a.Cmp(b) != 0 || strings.ContainsAny(got, "Ee") {
			t.Fatalf("%q became %q", stored, got)
		}
	})
}

func TestEscapingIsExactAndSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`['=+\-@;,\t\r\n x＝]{0,12}`)).Draw(t, "s")
		e := sheet.Escape(s)
		if got := sheet.Unescape(e); got != s {
			t.Fatalf("%q became %q became %q", s, e, got)
		}
		for _, piece := range strings.FieldsFunc(e, func(c rune) bool { return strings.ContainsRune(";\t\r\n", c) }) {
			if strings.IndexAny(strings.TrimSpace(piece), "=+-@＝＋－＠") == 0 {
				t.Fatalf("%q has the formula %q", e, piece)
			}
		}
	})
}
