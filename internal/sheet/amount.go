package sheet

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var plainAmount = regexp.MustCompile(`^\d+(\.\d+)?$`)

// amountValue takes decimal digits only. 1,250 is a thousand here and one and a quarter
// there: nobody's money is decided by a guess.
func amountValue(c cell) (jsontext.Value, string) {
	switch c.kind {
	case dateCell:
		return nil, "is a date: format the column as a number and write the amount again"
	case percentCell:
		return nil, "is a percentage: format the column as a number and write the amount"
	case boolCell:
		return nil, "is TRUE or FALSE: write the amount"
	}
	s := strings.TrimSpace(c.text)
	switch {
	case plainAmount.MatchString(s):
		return quote(s), ""
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "("), strings.HasPrefix(s, "△"), strings.HasPrefix(s, "▲"):
		return nil, "is negative, or has a sign before it: write an amount greater than 0, without a sign"
	case isShortened(s):
		return nil, "is a number that a spreadsheet program shortened (like 1.23E+12): format the column as a number and save again"
	case strings.ContainsAny(s, ",'") && strings.ContainsAny(s, "0123456789"):
		return nil, "has a comma or apostrophe, which may part thousands or decimals: write digits and a decimal point only, like 1250 or 1234.50 " +
			"(format the column as a number without thousands separator and save again)"
	}
	return nil, "is not an amount in digits: write it like 1250 or 1234.50, without currency, spaces or separators"
}

// exact returns a workbook's number in decimal digits, none lost and none invented. Numbers
// of more than 15 digits are how binary fractions come out (0.30000000000000004): they are
// rounded to 15, as spreadsheet programs show them at the most. false: it is no number.
func exact(stored string) (string, bool) {
	sign, rest := "", stored
	if strings.HasPrefix(rest, "-") {
		sign, rest = "-", rest[1:]
	}
	mantissa, exponent, _ := strings.Cut(strings.ToUpper(rest), "E")
	if !plainAmount.MatchString(mantissa) || len(mantissa) > 400 {
		return "", false
	}
	e := 0
	if strings.ContainsAny(rest, "eE") {
		var err error
		if e, err = strconv.Atoi(exponent); err != nil || e > 400 || e < -400 {
			return "", false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	point := len(digits) - len(fraction) + e // where the decimal point stands in digits
	if digits, point = round15(digits, point); digits == "" {
		return "0", true
	}
	return sign + plain(digits, point), true
}

// round15 rounds decimal digits to 15, half away from zero.
func round15(digits string, point int) (string, int) {
	const most = 15
	if len(digits) <= most {
		return strings.TrimRight(digits, "0"), point
	}
	kept, up := []byte(digits[:most]), digits[most] >= '5'
	for i := most - 1; up && i >= 0; i-- {
		if up = kept[i] == '9'; up {
			kept[i] = '0'
		} else {
			kept[i]++
		}
	}
	if up {
		return "1", point + 1
	}
	return strings.TrimRight(string(kept), "0"), point
}

// plain writes digits with the decimal point at its place.
func plain(digits string, point int) string {
	switch {
	case point <= 0:
		return "0." + strings.Repeat("0", -point) + digits
	case point >= len(digits):
		return digits + strings.Repeat("0", point-len(digits))
	}
	return digits[:point] + "." + digits[point:]
}
