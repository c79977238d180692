package mail

import (
	"cmp"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/hpplink/hpplink/internal/merchant"
)

const (
	maxMessage = 200     // characters that are published
	maxForeign = 4 << 10 // bytes that are looked at
	masked     = "[redacted]"
)

// words makes what a mail server says fit to publish.
type words struct {
	message  *Message
	target   *target
	password merchant.Secret
}

// clean returns one line, bounded, without the customer's name and address, any other address, and our login. Masking
// comes before cutting, or a value cut in two would escape it.
func (w words) clean(foreign string) string {
	text := display(foreign[:min(len(foreign), maxForeign)])
	return cut(w.pattern().ReplaceAllLiteralString(text, masked), maxMessage)
}

const anyAddress = `[^\s"<>()\[\],;:]+(?:@|%40|=40)[^\s"'<>()\[\],;:]+`

// pattern matches what must not be repeated, the longest first.
func (w words) pattern() *regexp.Regexp {
	values := []string{w.message.name, w.message.to, w.message.from, w.target.user}
	values = append(values, strings.Fields(w.message.name)...)
	for _, address := range []string{w.message.to, w.target.user} {
		if at := strings.LastIndexByte(address, '@'); at >= 0 {
			values = append(values, address[:at])
		}
	}
	values = append(values, recipientDomain(w.message.to))
	secret := w.password.Reveal()
	for _, form := range []string{w.target.user, secret, "\x00" + w.target.user + "\x00" + secret} { // as logins of the kinds LOGIN and PLAIN send it
		values = append(values, form, base64.RawStdEncoding.EncodeToString([]byte(form))) // whether or not it is padded
	}
	slices.SortFunc(values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	patterns := []string{anyAddress}
	for _, v := range values {
		if p := literal(display(v)); p != "" {
			patterns = append(patterns, p)
		}
	}
	return regexp.MustCompile("(?i)" + strings.Join(patterns, "|"))
}

// recipientDomain is masked as well: many belong to one person or family.
func recipientDomain(address string) string {
	if !strings.Contains(address, "@") {
		return ""
	}
	return domainOf(address)
}

// literal matches a value in running text, short ASCII ones as whole words only, a single letter not at all.
func literal(value string) string {
	switch quoted := regexp.QuoteMeta(value); {
	case value == "" || len(value) == 1:
		return ""
	case isASCII(value) && len(value) < 5 && isWord(value):
		return `\b` + quoted + `\b`
	default:
		return quoted
	}
}

func isWord(s string) bool { return regexp.MustCompile(`^\w+$`).MatchString(s) }
