package mail_test

import (
	"testing"
	"time"

	"golang.org/x/text/language"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/mail"
)

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ locale, amount, currency, want string }{
		{"en", "1250000", "JPY", "¥1,250,000"},
		{"ja", "1250000", "JPY", "¥1,250,000"},
		{"ja-JP", "12.5", "USD", "$12.50"},
		{"en", "12.5", "KWD", "KWD\u00a012.500"},
		{"en-GB", "0.05", "GBP", "£0.05"},
		{"en-AU", "1234.5", "USD", "USD\u00a01,234.50"},
		{"en-IN", "1250000", "INR", "₹12,50,000.00"},
		{"ar", "12.5", "KWD", "12.500\u00a0د.ك.\u200f"},
		{"ar-KW", "1250000", "JPY", "1,250,000\u00a0JP¥"},
		{"ar-u-nu-arab", "12.5", "KWD", "١٢٫٥٠٠\u00a0د.ك.\u200f"},
		{"de", "1234.5", "EUR", "1.234,50\u00a0€"},
		{"fr", "1234567.8", "EUR", "1\u00a0234\u00a0567,80\u00a0€"},
		{"en", "9999999999", "UYW", "UYW\u00a09,999,999,999.0000"},
		{"en", "1.2345", "UYW", "UYW\u00a01.2345"},
		{"en", "123456789012345678", "JPY", "¥123,456,789,012,345,678"},
		{"en", "1", "XXX", ""}, {"en", "1.5", "JPY", ""}, {"en", "-1", "JPY", ""}, {"en", "1e3", "JPY", ""}, {"en", "", "JPY", ""},
	} {
		got, ok := mail.FormatAmount(c.amount, c.currency, language.MustParse(c.locale))
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s %s %s: %q, want %q", c.locale, c.amount, c.currency, got, c.want)
		}
	}
}

// No digit is lost or added, whatever the language does around them.
func TestAmountsKeepTheirDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.StringMatching(`[1-9][0-9]{0,9}`).Draw(t, "whole")
		fraction := rapid.StringMatching(`[0-9]{3}`).Draw(t, "fraction")
		tag := language.MustParse(rapid.SampledFrom([]string{"en", "ja", "ar", "de", "hi", "fa", "en-IN", "pt-BR", "he"}).Draw(t, "locale"))
		got, ok := mail.FormatAmount(whole+"."+fraction, "KWD", tag)
		digits := ""
		for _, c := range got {
			if c >= '0' && c <= '9' {
				digits += string(c)
			}
		}
		if !ok || digits != whole+fraction {
			t.Fatalf("%s: %q of %s.%s", tag, got, whole, fraction)
		}
	})
}

func TestMoments(t *testing.T) {
	l := mail.SampleLetter("")
	l.ExpiresAt = time.Date(2027, 3, 1, 6, 5, 0, 0, time.UTC)
	for _, c := range []struct{ locale, zone, want string }{
		{"en", "", "1 March 2027, 06:05 (UTC)"},
		{"en-US", "America/New_York", "March 1, 2027, 1:05 AM (UTC-5)"},
		{"ja", "Asia/Tokyo", "2027年3月1日 15:05 (UTC+9)"},
		{"ar-KW", "Asia/Kolkata", "1 مارس 2027، 11:35 (UTC+5:30)"},
		{"en", "../etc/passwd", "1 March 2027, 06:05 (UTC)"},
		{"en", "Local", "1 March 2027, 06:05 (UTC)"},
		{"en", "JST", "1 March 2027, 06:05 (UTC)"},
	} {
		l.To.Locale, l.TimeZone = c.locale, c.zone
		if !contains(write(t, l), c.want) {
			t.Errorf("%s in %q: not %q", c.locale, c.zone, c.want)
		}
	}
}
