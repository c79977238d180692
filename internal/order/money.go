package order

import (
	"strings"

	"github.com/Rhymond/go-money"
	"github.com/go-json-experiment/json/jsontext"
)

// maxAmountDigits is the limit of the gateway's older manual.
const maxAmountDigits = 10

// isDecimal reports whether s is digits, with at most one point among them.
func isDecimal(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return isDigits(whole) && (!point || isDigits(fraction))
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// canonicalAmount strips the zeros that carry no value: leading ones and those
// at the end of the fraction. It reports false for anything but plain decimal text.
func canonicalAmount(s string) (string, bool) {
	if !isDecimal(s) {
		return "", false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction == "" {
		return whole, true
	}
	return whole + "." + fraction, true
}

// readAmount takes a number or a string, since many producers keep money as
// text. The number's own text is kept: it never becomes a float.
func readAmount(o *Order, v jsontext.Value) {
	s := string(v)
	switch v.Kind() {
	case '0':
	case '"':
		var ok bool
		if s, ok = o.text("/amount", v); !ok {
			return
		}
	default:
		o.is('0', "/amount", v)
		return
	}
	amount, ok := canonicalAmount(s)
	if !ok {
		o.malformed("/amount", "%s", amountFault(s))
		return
	}
	o.Amount = amount
}

// amountFault says why a text is no amount.
func amountFault(s string) string {
	plain, negative := strings.CutPrefix(s, "-")
	switch {
	case negative && isDecimal(plain):
		return cut(s) + " is not greater than 0"
	case strings.ContainsAny(s, "eE") && strings.Trim(s, "0123456789.+-eE") == "":
		return cut(s) + " has an exponent: write all its digits, as in 1500 for 1.5e3"
	}
	return "is not a decimal number: write it in digits like 1234.50, without sign, spaces, currency or thousands separators"
}

func writeAmount(dst jsontext.Value, o *Order) jsontext.Value {
	if amount, ok := canonicalAmount(o.Amount); ok {
		return append(dst, amount...)
	}
	return appendUnlessEmpty(dst, o.Amount)
}

func (r *report) amount(amount, currency string) {
	if amount == "" {
		return // the customer enters it
	}
	canonical, ok := canonicalAmount(amount)
	if !ok {
		r.add("/amount", "%s", amountFault(amount))
		return
	}
	if canonical == "0" {
		r.add("/amount", "0 is not greater than 0: leave the amount out to let the customer enter it")
		return
	}
	whole, fraction, _ := strings.Cut(canonical, ".")
	if n := len(whole) + len(fraction); n > maxAmountDigits {
		r.add("/amount", "%s has %d digits: the gateway takes at most %d", cut(canonical), n, maxAmountDigits)
	}
	if digits, known := MinorDigits(currency); known && len(fraction) > digits {
		r.add("/amount", "%s has %d fraction digits; %s has %d: round it before sending",
			currency, digits, cut(canonical), len(fraction))
	}
}

func (r *report) currency(code string) {
	if code == "" {
		r.required("/currency")
		return
	}
	if _, known := MinorDigits(code); known {
		return
	}
	if upper := strings.ToUpper(code); upper != code {
		if _, known := MinorDigits(upper); known {
			r.add("/currency", "%q is not in capitals: write %q", cut(code), upper)
			return
		}
	}
	const remedy = "is not a currency in use by ISO 4217: write a code like \"JPY\" or \"EUR\""
	if !isCode(code) {
		r.add("/currency", remedy)
		return
	}
	r.add("/currency", "%q "+remedy, code)
}

// MinorDigits returns how many fraction digits amounts in a currency may have.
// It reports false for codes that ISO 4217 does not list as in use, and for those
// that have no minor unit because nobody pays in them (gold, testing, none).
func MinorDigits(currency string) (int, bool) {
	if digits, ok := missingCurrencies[currency]; ok {
		return digits, true
	}
	if len(currency) != 3 || strings.Contains(notCurrencies, currency) {
		return 0, false
	}
	c := money.GetCurrency(currency)
	if c == nil || c.Code != currency {
		return 0, false
	}
	return c.Fraction, true
}

// missingCurrencies are those of ISO 4217, with their minor digits, that go-money lacks.
var missingCurrencies = map[string]int{
	"BOV": 2, "CHE": 2, "CHW": 2, "COU": 2, "MXV": 2, "USN": 2, "UYI": 0, "UYW": 4,
	"VED": 2, "XAD": 2, "ZWG": 2,
}

// notCurrencies are codes go-money has though ISO 4217 withdrew them (BGN gave
// way to EUR and ANG to XCG), never had them (GGP, IMP, JEP), or gives them no minor unit.
const notCurrencies = "ANG BGN BYR CUC EEK GGP GHC HRK IMP JEP LTL LVL RUR SKK SLL STD TRL VEF ZWD ZWL XAG XAU XDR"
