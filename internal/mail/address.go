package mail

import (
	netmail "net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	maxLocal   = 64  // octets, RFC 5321
	maxAddress = 254 // octets, RFC 5321 with erratum 1690
	maxName    = 128 // characters, so that it fits on a line of a header
)

// parseAddress returns an address with its domain in ASCII, and what is wrong with it in words that do not repeat it.
func parseAddress(s string) (addr *netmail.Address, problem string) {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return nil, "has a line break or another control character"
	}
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, "is no mail address"
	}
	at := strings.LastIndexByte(a.Address, '@')
	local := norm.NFC.String(a.Address[:at])
	domain, err := idna.Lookup.ToASCII(a.Address[at+1:])
	switch {
	case err != nil || domain == "" || strings.HasPrefix(domain, "["):
		return nil, "has a domain that cannot be on the internet"
	case len(local) > maxLocal || len(local)+1+len(domain) > maxAddress:
		return nil, "is longer than a mail address can be"
	case strings.ContainsFunc(local, isOddInLocal):
		return nil, "has a character before the @ that needs quoting"
	}
	return &netmail.Address{Name: headerName(a.Name), Address: local + "@" + domain}, ""
}

// isOddInLocal finds what is not in a dot-atom of RFC 5322 or RFC 6532.
func isOddInLocal(c rune) bool {
	return c <= ' ' || strings.ContainsRune(`()<>[]:;@\,"`, c) || unicode.IsSpace(c) || unicode.Is(unicode.C, c)
}

// parsePlain takes an address without a display name.
func parsePlain(s string) (*netmail.Address, string) {
	if a, err := netmail.ParseAddress(s); err == nil && a.Address != s {
		return nil, "is not a plain mail address: leave out the name and quotes"
	}
	return parseAddress(s)
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c > unicode.MaxASCII })
}

// headerName makes a display name fit for a header. A backslash becomes a slash: net/mail leaves it as it is within an
// encoded word, where it is not allowed, and then cannot read what it wrote.
func headerName(s string) string {
	return header(cut(strings.ReplaceAll(display(s), `\`, "/"), maxName))
}
