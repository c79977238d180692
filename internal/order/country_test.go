package order_test

import (
	"strings"
	"testing"
)

// The officially assigned alpha-2 codes of ISO 3166-1.
const iso3166 = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE
GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP
KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF
NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN
SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA
ZM ZW`

func TestEveryCountryCode(t *testing.T) {
	listed := map[string]bool{}
	for _, code := range strings.Fields(iso3166) {
		listed[code] = true
	}
	if len(listed) != 249 {
		t.Fatalf("the list has %d codes, want 249", len(listed))
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code, want := string([]rune{a, b}), ""
			if !listed[code] {
				want = `/billing_address/country: "` + code + `" is not a country code`
			}
			expect(t, "billing_address", `{"country":"`+code+`"}`, want)
		}
	}
}

func TestCountryProblemsNameTheRightCode(t *testing.T) {
	for code, want := range map[string]string{
		"UK": `write "GB"`, "jp": `write "JP"`, "JPN": `write "JP"`, "Japan": `write "JP"`,
		"": "write two capitals", "EU": "write two capitals", "SU": "write two capitals", "AN": "write two capitals", "XX": "write two capitals",
		"J P": `write "JP"`, "392": "write two capitals", strings.Repeat("Q", 999): ": is not a country code", "Taro Yamada": ": is not a country code",
	} {
		got := problems(t, with(t, map[string]string{"shipping_address": `{"country":` + quoted(t, code) + `}`}))
		if len(got) != 1 || !strings.HasPrefix(got[0], "/shipping_address/country: ") || !strings.Contains(got[0], want) || len(got[0]) > 200 {
			t.Errorf("%q: %q, want %q", code, got, want)
		}
	}
}

// TestRegressionNamesInPlaceOfCodes: a name that stood where a code belongs was once repeated.
func TestRegressionNamesInPlaceOfCodes(t *testing.T) {
	for _, value := range []string{"Taro", "山田太郎", "tok_4242424242424242", "+81"} {
		event := with(t, map[string]string{"currency": quoted(t, value), "billing_address": `{"country":` + quoted(t, value) + `}`})
		if got := problems(t, event); len(got) != 2 || strings.Contains(strings.Join(got, " "), value) {
			t.Errorf("%s: %q", value, got)
		}
	}
}
