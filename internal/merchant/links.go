package merchant

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// DefaultLinkHosts are where links may point if a profile says nothing else.
var DefaultLinkHosts = []string{"*.paymentoptions.com"}

func (p Profile) linkHosts() []string {
	if len(p.LinkHosts) == 0 {
		return DefaultLinkHosts
	}
	return p.LinkHosts
}

// AllowsLink returns nil if a link may be shown to a customer: https on the
// default port of an allowed host. While the gateway itself is on this machine,
// as the sandbox is, a link may point there as well, by http and any port. The
// error names the host only: whoever has the whole link can pay, or see who does.
func (p Profile) AllowsLink(u *url.URL) error {
	switch {
	case u == nil || u.Host == "" || u.Opaque != "":
		return errors.New("link has no host")
	case u.User != nil:
		return errors.New("link has a user name before its host")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("link is neither https nor http")
	}
	if isLoopback(u.Hostname()) {
		if p.GatewayURL == nil || !isLoopback(p.GatewayURL.Hostname()) {
			return fmt.Errorf("link points to this machine (%q), but the gateway is elsewhere", cut(u.Host))
		}
		return nil
	}
	return p.allowsRemote(u)
}

func (p Profile) allowsRemote(u *url.URL) error {
	host := strings.TrimSuffix(u.Host, ":443")
	switch {
	case u.Scheme != "https":
		return fmt.Errorf("link to %q is not https", cut(u.Host))
	case strings.Contains(host, ":"):
		return fmt.Errorf("link to %q has a port, or a host that is no name", cut(u.Host))
	case !isName(host):
		return fmt.Errorf("link's host %q is not a plain host name", cut(host))
	}
	for _, pattern := range p.linkHosts() {
		if matches(pattern, host) {
			return nil
		}
	}
	return fmt.Errorf("link's host %q is not one of the allowed %q", cut(host), p.linkHosts())
}

// matches takes a host that is a plain name, so that what stands before the
// pattern's domain is one or more whole labels.
func matches(pattern, host string) bool {
	pattern, host = strings.ToLower(pattern), strings.ToLower(host)
	if domain, wild := strings.CutPrefix(pattern, "*"); wild {
		return checkPattern(pattern) == nil && strings.HasSuffix(host, domain)
	}
	return pattern == host
}

// isName reports whether s is a host name of plain labels. Anything else (other
// alphabets, escapes, backslashes, empty labels, a dot at the end) is what
// browsers and we might read differently.
func isName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label || strings.ContainsFunc(label, isOdd) {
			return false
		}
	}
	return len(s) <= 253
}

func isOdd(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-'
}

func checkLinkHost(pattern string) error {
	if err := checkPattern(pattern); err != nil {
		return fmt.Errorf("link host %w", err)
	}
	return nil
}

// checkPattern says what is wrong with a link host.
func checkPattern(pattern string) error {
	domain, wild := strings.CutPrefix(pattern, "*.")
	top := domain[strings.LastIndexByte(domain, '.')+1:]
	switch {
	case strings.ContainsAny(pattern, "/:@"):
		return fmt.Errorf("%q is more than a host: leave out scheme, port and path", cut(pattern))
	case strings.HasSuffix(pattern, "."):
		return fmt.Errorf("%q ends in a dot: leave it out", cut(pattern))
	case strings.Contains(domain, "*"):
		return fmt.Errorf("%q has a * elsewhere than in \"*.\" at its beginning", cut(pattern))
	case !isName(domain):
		return fmt.Errorf("%q is not a host name: write other alphabets in their xn-- form", cut(pattern))
	case wild && (top == domain || strings.Trim(top, "0123456789") == ""):
		return fmt.Errorf("%q is too wide: name a domain like \"*.paymentoptions.com\"", cut(pattern))
	}
	return nil
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// cut bounds what errors repeat.
func cut(s string) string {
	const most = 100
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
