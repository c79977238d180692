package order_test

import (
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
)

// Active codes of ISO 4217 by their minor digits.
var iso4217 = map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
	2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
		CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR
		ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV
		MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD
		SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG`,
	3: "BHD IQD JOD KWD LYD OMR TND",
	4: "CLF UYW",
}

func TestMinorDigitsOfEveryCurrency(t *testing.T) {
	known := map[string]int{}
	for digits, codes := range iso4217 {
		for _, code := range strings.Fields(codes) {
			known[code] = digits
		}
	}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				code := string([]rune{a, b, c})
				want, listed := known[code]
				if got, ok := order.MinorDigits(code); ok != listed || got != want {
					t.Errorf("MinorDigits(%s) = %d, %v; want %d, %v", code, got, ok, want, listed)
				}
			}
		}
	}
}

func TestCurrencyProblems(t *testing.T) {
	for in, want := range map[string]string{
		`"jpy"`:                              `"jpy" is not in capitals: write "JPY"`,
		`"Eur"`:                              `write "EUR"`,
		`"YEN"`:                              `"YEN" is not a currency in use`,
		`"XAU"`:                              "is not a currency in use",
		`"XXX"`:                              "is not a currency in use",
		`"BGN"`:                              "is not a currency in use",
		`"GGP"`:                              "is not a currency in use",
		`"JP"`:                               "is not a currency in use",
		`"¥¥¥"`:                              "is not a currency in use",
		`" EU"`:                              "is not a currency in use",
		`392`:                                "is a JSON number",
		``:                                   "is required",
		`"` + strings.Repeat("A", 900) + `"`: "/currency: is not a currency in use",
	} {
		got := problems(t, with(t, map[string]string{"currency": in}))
		if len(got) != 1 || !strings.HasPrefix(got[0], "/currency: ") || !strings.Contains(got[0], want) || len(got[0]) > 200 {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ in, currency, want string }{
		{`1000`, "JPY", "1000"},
		{`1000.00`, "JPY", "1000"},
		{`"1000.000"`, "JPY", "1000"},
		{`12.5`, "EUR", "12.5"},
		{`12.50`, "EUR", "12.5"},
		{`"12.50"`, "EUR", "12.5"},
		{`"0012.50"`, "EUR", "12.5"},
		{`0.01`, "EUR", "0.01"},
		{`1.234`, "KWD", "1.234"},
		{`1.2340`, "KWD", "1.234"},
		{`0.0001`, "CLF", "0.0001"},
		{`12345678.91`, "EUR", "12345678.91"},
		{`0.1`, "EUR", "0.1"},
		{`"\u0031\u0032"`, "EUR", "12"},
		{``, "EUR", ""},
	} {
		o := decode(t, with(t, map[string]string{"amount": c.in, "currency": quoted(t, c.currency)}))
		if err := o.Validate(); err != nil || o.Amount != c.want {
			t.Errorf("%s %s: amount %q, %v; want %q", c.in, c.currency, o.Amount, err, c.want)
		}
	}
}

func TestAmountProblems(t *testing.T) {
	for _, c := range []struct{ in, currency, want string }{
		{`1.2345`, "KWD", "KWD has 3 fraction digits; 1.2345 has 4: round it before sending"},
		{`10.5`, "JPY", "JPY has 0 fraction digits; 10.5 has 1: round"},
		{`0.001`, "EUR", "EUR has 2 fraction digits"},
		{`0`, "EUR", "not greater than 0"},
		{`"0.00"`, "EUR", "not greater than 0"},
		{`-5`, "EUR", "-5 is not greater than 0"},
		{`-0`, "EUR", "not greater than 0"},
		{`1e3`, "EUR", "1e3 has an exponent"},
		{`"1E+3"`, "EUR", "1E+3 has an exponent"},
		{`12345678901`, "JPY", "12345678901 has 11 digits: the gateway takes at most 10"},
		{`123456789.12`, "EUR", "has 11 digits"},
		{`"1,000"`, "JPY", "not a decimal number"},
		{`"1 000"`, "JPY", "not a decimal number"},
		{`" 1"`, "JPY", "not a decimal number"},
		{`"+1"`, "JPY", "not a decimal number"},
		{`"1."`, "JPY", "not a decimal number"},
		{`".5"`, "EUR", "not a decimal number"},
		{`"0x10"`, "JPY", "not a decimal number"},
		{`"١٠"`, "JPY", "not a decimal number"},
		{`"NaN"`, "JPY", "not a decimal number"},
		{`"1\n"`, "JPY", "not a decimal number"},
		{`"¥1000"`, "JPY", "not a decimal number"},
		{`""`, "JPY", "is empty"},
		{`null`, "JPY", "is null"},
		{`[1]`, "JPY", "is a JSON array"},
		{strings.Repeat("9", 5000), "JPY", "has 5000 digits"},
	} {
		got := problems(t, with(t, map[string]string{"amount": c.in, "currency": quoted(t, c.currency)}))
		if len(got) != 1 || !strings.HasPrefix(got[0], "/amount: ") || !strings.Contains(got[0], c.want) || len(got[0]) > 200 {
			t.Errorf("%.40s %s: %q, want %q", c.in, c.currency, got, c.want)
		}
	}
}
