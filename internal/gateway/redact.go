package gateway

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxMessage = 200      // characters that are published
	maxForeign = 16 << 10 // bytes that are looked at
	mask       = "[redacted]"
)

// clean makes foreign words fit to publish: one line, bounded, and without what
// the gateway repeats of the order's personal data or the merchant's keys.
// Redacting comes before cutting, or a value cut in two would escape it.
func (e *exchange) clean(foreign string) string {
	if foreign == "" {
		return ""
	}
	text := oneLine(foreign[:min(len(foreign), maxForeign)])
	runes := []rune(e.secrets().ReplaceAllLiteralString(text, mask))
	if len(runes) > maxMessage {
		runes = append(runes[:maxMessage-1], '…')
	}
	return string(runes)
}

// oneLine drops control and invisible characters, which could break a line or
// hide a value from redaction, and makes each run of blanks a single one.
func oneLine(s string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.C, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(visible), " ")
}

const anyEmail = `[^\s"<>()\[\],;:@]+(?:@|%40)[^\s"'<>()\[\],;:@]+`

// secrets matches whatever of the request must not be repeated, longest first,
// and any e-mail address at all.
func (e *exchange) secrets() *regexp.Regexp {
	values := e.personal()
	for _, key := range []string{e.profile.APIKey.Reveal(), e.profile.XAPIKey.Reveal()} {
		values = append(values, key, strings.TrimRight(key, "="), decoded(key)) // with its padding, and without
	}
	patterns, seen := []string{anyEmail}, map[string]bool{}
	slices.SortFunc(values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, value := range slices.Compact(values) {
		for _, form := range forms(value) {
			if p := pattern(oneLine(form)); p != "" && !seen[p] {
				patterns, seen[p] = append(patterns, p), true
			}
		}
	}
	return regexp.MustCompile("(?i)" + strings.Join(patterns, "|"))
}

// forms are the ways in which a gateway may repeat a value: as it is, or within HTML, a URL or JSON. Those who write JSON
// differ in whether they escape what is not ASCII, and slashes.
func forms(value string) []string {
	quoted, _ := jsontext.AppendQuote(nil, value)
	verbatim := string(quoted[1 : len(quoted)-1])
	ascii := inASCII(verbatim)
	slashed := strings.NewReplacer("/", `\/`)
	return []string{
		value, html.EscapeString(value), url.QueryEscape(value), url.PathEscape(value),
		verbatim, slashed.Replace(verbatim), ascii, slashed.Replace(ascii),
	}
}

// inASCII writes what is not ASCII as JSON's \u escapes.
func inASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// decoded returns the raw key within a ready-encoded one.
func decoded(key string) string {
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return ""
	}
	return strings.Trim(string(raw), ":")
}

// personal lists the values of the order that say something about a person.
func (e *exchange) personal() []string {
	o := e.order
	values := []string{o.MerchantEmail, o.CustomerIP}
	for _, v := range []jsontext.Value{o.BillingAddress, o.ShippingAddress, o.ReturnURL, o.PaymentMethod, o.Extra} {
		values = leaves(values, v)
	}
	if o.Delivery != nil && o.Delivery.Email != nil {
		values = append(values, o.Delivery.Email.To, o.Delivery.Email.Name)
	}
	return values
}

// leaves appends all strings and numbers within v but countries and types (of a payment method), which say
// little of a person and much about why an order was refused.
func leaves(values []string, v jsontext.Value) []string {
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var name string
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return values
		}
		if token.Kind() != '"' && token.Kind() != '0' {
			continue
		}
		switch kind, length := dec.StackIndex(dec.StackDepth()); {
		case kind == '{' && length%2 == 1:
			name = token.String()
		case name != "country" && name != "type":
			values = append(values, token.String())
		}
	}
}

var phone = regexp.MustCompile(`^[\d ().+-]+$`)

// pattern matches a value in running text. Short ASCII words count as whole
// words only, single letters not at all; a telephone number is found however
// it is grouped.
func pattern(value string) string {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, value)
	switch ascii := len(value) == len([]rune(value)); {
	case value == "" || ascii && len(value) == 1:
		return ""
	case phone.MatchString(value) && len(digits) >= 6:
		return strings.Join(strings.Split(digits, ""), `[\s().+-]*`)
	case ascii && len(value) < 4:
		return `\b` + regexp.QuoteMeta(value) + `\b`
	default:
		return anyEscape(regexp.QuoteMeta(value))
	}
}

// anyEscape lets a pattern match, too, what writers of HTML, and of JSON that is safe within it, put in place of some characters.
// They differ in which.
var anyEscape = strings.NewReplacer(
	"<", `(?:<|\\u003c|&lt;)`, ">", `(?:>|\\u003e|&gt;)`, "&", `(?:&|\\u0026|&amp;)`, "=", `(?:=|\\u003d)`,
	"'", `(?:'|\\u0027|&apos;|&#39;|&#x27;)`, `"`, `(?:"|\\u0022|&quot;|&#34;)`,
).Replace
