package mail

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/hpplink/hpplink/internal/order"
)

const nbsp = "\u00a0"

var decimal = regexp.MustCompile(`^([0-9]{1,18})(?:\.([0-9]{1,18}))?$`)

// symbolFirst lists languages that write the currency before the number. The data of x/text has no such patterns.
var symbolFirst = map[string]bool{
	"en": true, "ja": true, "zh": true, "ko": true, "th": true, "hi": true, "nl": true, "tr": true, "id": true, "ms": true, "fil": true,
}

// formatAmount writes an amount as a reader of that language expects it: ¥1,250,000 or KWD 12.500, with all the digits
// of the currency. It reports false for what is no amount of the currency. The number never becomes a float: only its
// whole part is handed on, as an integer.
//
// Digits are 0 to 9 in every language, since the payment page and the bank's messages have those, and customers compare;
// a locale that asks for others, as "ar-u-nu-arab" does, gets them.
func formatAmount(amount, code string, tag language.Tag) (string, bool) {
	parts := decimal.FindStringSubmatch(amount)
	digits, known := order.MinorDigits(code)
	if parts == nil || !known || len(parts[2]) > digits {
		return "", false
	}
	tag = numbersOf(tag)
	p := message.NewPrinter(tag)
	whole, _ := strconv.ParseInt(parts[1], 10, 64) // 18 digits at most
	written := p.Sprint(number.Decimal(whole))
	if digits > 0 {
		written += separator(p) + inDigitsOf(p, parts[2]+strings.Repeat("0", digits-len(parts[2])))
	}
	return withSymbol(written, symbol(p, code), tag), true
}

// numbersOf asks for Latin digits unless the tag asks for some itself.
func numbersOf(tag language.Tag) language.Tag {
	if tag.TypeForKey("nu") != "" {
		return tag
	}
	if latin, err := tag.SetTypeForKey("nu", "latn"); err == nil {
		return latin
	}
	return tag
}

// separator finds what stands between the whole and the fraction.
func separator(p *message.Printer) string {
	sample := p.Sprint(number.Decimal(0, number.Scale(1)))
	_, first := utf8.DecodeRuneInString(sample)
	_, last := utf8.DecodeLastRuneInString(sample)
	return sample[first : len(sample)-last]
}

func inDigitsOf(p *message.Printer, ascii string) string {
	var b strings.Builder
	for _, c := range ascii {
		b.WriteString(p.Sprint(number.Decimal(int(c - '0'))))
	}
	return b.String()
}

// symbol returns what the language calls the currency, or the code.
func symbol(p *message.Printer, code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return code
	}
	return strings.ReplaceAll(p.Sprint(currency.Symbol(unit)), "￥", "¥") // the full-width sign is for vertical text
}

func withSymbol(written, symbol string, tag language.Tag) string {
	base, _ := tag.Base()
	region, _ := tag.Region()
	if !symbolFirst[base.String()] && !(base.String() == "pt" && region.String() == "BR") {
		return written + nbsp + symbol
	}
	if last, _ := utf8.DecodeLastRuneInString(symbol); unicode.IsLetter(last) {
		return symbol + nbsp + written
	}
	return symbol + written
}
