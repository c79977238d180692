package gateway

import (
	"errors"
	"math/big"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// wireAmount turns decimal text into the JSON number to send; nil for none.
func wireAmount(amount, currency string, unit merchant.AmountUnit) (jsontext.Value, error) {
	if amount == "" {
		return nil, nil
	}
	if v := jsontext.Value(amount); !v.IsValid() || v.Kind() != '0' {
		return nil, errors.New("amount is not a decimal number")
	}
	if unit != merchant.Minor {
		return jsontext.Value(amount), nil
	}
	digits, known := order.MinorDigits(currency)
	if !known {
		return nil, errors.New("amount cannot be given in minor units: how many digits the currency has is not known")
	}
	return minorUnits(amount, digits)
}

// minorUnits moves the decimal point by digits: 12.50 with 3 is 12500.
func minorUnits(amount string, digits int) (jsontext.Value, error) {
	whole, fraction, _ := strings.Cut(amount, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > digits {
		return nil, errors.New("amount has more decimals than its currency")
	}
	text := strings.TrimLeft(whole+fraction+strings.Repeat("0", digits-len(fraction)), "0")
	if text == "" {
		text = "0"
	}
	return jsontext.Value(text), nil
}

// sameAmount compares an echoed amount with the one sent, as decimals: 1000,
// "1000.00" and 1e3 are one. When none was sent, the customer enters it, and
// the gateway may echo nothing or zero.
func sameAmount(echoed, sent string) bool {
	if sent == "" {
		sent = "0"
	}
	if echoed == sent && isPlain(sent) { // as it mostly is, and without the arithmetic
		return true
	}
	x, ok := decimal(echoed)
	y, known := decimal(sent)
	return ok && known && x.Cmp(y) == 0
}

// isPlain reports whether s is digits, with at most one point among them.
func isPlain(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return len(s) <= maxMantissa && isDigits(whole) && (!point || isDigits(fraction))
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

const maxMantissa = 40

// decimal parses decimal text. Its length bounds the exponent, since a number
// like 1e999999999 would take all memory.
func decimal(text string) (*big.Rat, bool) {
	text = strings.TrimSpace(text)
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(mantissa) > maxMantissa || len(exponent) > 3 || strings.Trim(mantissa+exponent, "0123456789.+-") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}
