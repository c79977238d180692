package demo

import (
	"strconv"
	"strings"

	"github.com/Rhymond/go-money"

	"github.com/hpplink/hpplink/internal/order"
)

// people writes an amount as people read it: "JPY 12,800", "KWD 12.500". What it can not read, it
// writes as it came.
func people(amount, currency string) string {
	if amount == "" {
		return currency + ", the customer enters it"
	}
	digits, known := order.MinorDigits(currency)
	whole, fraction, _ := strings.Cut(amount, ".")
	if !known || len(fraction) > digits {
		return currency + " " + amount
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return currency + " " + amount
	}
	return money.NewFormatter(digits, ".", ",", currency, "$ 1").Format(minor)
}
