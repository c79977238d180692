package order

import (
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// required notes that a field is absent.
func (r *report) required(field string) {
	r.add(field, "is required: give it in the order or in the merchant's defaults")
}

// atMost checks a length in characters: the gateway does not say whether it
// counts bytes, and bytes would refuse names that fit.
func (r *report) atMost(field, s string, most int) {
	if n := utf8.RuneCountInString(s); n > most {
		r.add(field, "has %d characters: at most %d are taken", n, most)
	}
}

func (r *report) noControls(field, s string) {
	switch {
	case !utf8.ValidString(s):
		r.add(field, "is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		r.add(field, "has a control character (a line break, tab or NUL): remove it")
	}
}

// identifier checks a part of the order's identity: anything printable goes.
func (r *report) identifier(field, s string, most int) {
	if s == "" {
		r.add(field, "is required: it is part of the order's identity")
		return
	}
	r.atMost(field, s, most)
	r.noControls(field, s)
	if strings.TrimSpace(s) != s {
		r.add(field, "begins or ends with white space: trim it")
	}
}

func (r *report) email(field, s string, most int) {
	r.atMost(field, s, most)
	if !isEmail(s) {
		r.add(field, "is not a plain e-mail address: write it like name@example.com, without a display name")
	}
}

// isEmail takes what net/mail reads as an address and nothing else: no display
// name, comment or quoting, and a domain that can be on the internet.
func isEmail(s string) bool {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return false
	}
	if !isUsualEmail(s) {
		a, err := mail.ParseAddress(s)
		if err != nil || a.Address != s || a.Name != "" {
			return false
		}
	}
	at := strings.LastIndexByte(s, '@')
	local, domain := s[:at], s[at+1:]
	return len(local) <= 64 && !strings.ContainsFunc(local, isOddInLocal) && isDomain(domain)
}

// isUsualEmail knows the addresses that almost everybody has, which are not worth net/mail's trouble.
func isUsualEmail(s string) bool {
	local, domain, found := strings.Cut(s, "@")
	return found && isAtoms(local) && isAtoms(domain)
}

// isAtoms reports whether s is words of letters, digits, '_', '+' and '-' with single dots between them.
func isAtoms(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if i == 0 || s[i-1] == '.' {
				return false
			}
		case c != '+' && !plain(c):
			return false
		}
	}
	return s != "" && s[len(s)-1] != '.'
}

func isOddInLocal(c rune) bool { return unicode.IsSpace(c) || c == '@' || unicode.Is(unicode.Cf, c) }

func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, isOddInLabel) {
			return false
		}
	}
	return len(labels) > 1 && len(s) <= 253
}

func isOddInLabel(c rune) bool {
	return c != '-' && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c)
}

func (r *report) webAddress(field, s string) {
	r.atMost(field, s, 255)
	u, err := url.Parse(s)
	odd := strings.ContainsFunc(s, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) })
	if err != nil || odd || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		r.add(field, "is not a web address: write it like https://shop.example/done")
	}
}

func (r *report) ip(field, s string) {
	r.atMost(field, s, 45)
	if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" {
		r.add(field, "is not an IP address: write it like 203.0.113.7 or 2001:db8::7")
	}
}

func (r *report) locale(field, s string) {
	if _, err := language.Parse(s); err != nil || strings.Contains(s, "_") {
		r.add(field, "is not a language tag of BCP 47: write it like \"ja\" or \"en-GB\"")
	}
}
