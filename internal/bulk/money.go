package bulk

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/hpplink/hpplink/internal/order"
)

// mostDigits is how many fraction digits a currency has at most.
const mostDigits = 4

// noAmount marks an order whose amount the customer enters.
const noAmount = -1

// units reads an amount of a valid order as ten-thousandths. Such an amount has ten digits at most.
func units(amount string) int64 {
	if amount == "" {
		return noAmount
	}
	whole, fraction, _ := strings.Cut(amount, ".")
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", mostDigits-min(mostDigits, len(fraction))), 10, 64)
	if err != nil {
		return noAmount
	}
	return n
}

// Total is the exact sum of amounts in one currency.
type Total struct {
	Currency string
	Orders   int
	Amount   string // decimal text with the digits of the currency, "12.500"
}

// sum adds amounts up.
type sum struct {
	units  big.Int // ten-thousandths
	orders int
}

func (s *sum) add(units int64) {
	s.units.Add(&s.units, big.NewInt(units))
	s.orders++
}

func (s *sum) total(code string) Total {
	text := s.units.String()
	text = strings.Repeat("0", max(0, mostDigits+1-len(text))) + text
	whole, fraction := text[:len(text)-mostDigits], text[len(text)-mostDigits:]
	digits, _ := order.MinorDigits(code)
	if fraction = fraction[:digits]; fraction != "" {
		whole += "."
	}
	return Total{Currency: code, Orders: s.orders, Amount: whole + fraction}
}

// String writes the sum as a person reads it: ¥1,250,000 or KWD 12.500.
func (t Total) String() string {
	whole, fraction, point := strings.Cut(t.Amount, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + fraction
	}
	symbol := symbolOf(t.Currency)
	if last, _ := utf8.DecodeLastRuneInString(symbol); unicode.IsLetter(last) {
		return symbol + " " + whole
	}
	return symbol + whole
}

func symbolOf(code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return code
	}
	return message.NewPrinter(language.English).Sprint(currency.Symbol(unit))
}
