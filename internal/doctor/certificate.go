package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"
)

// How long before its end a certificate is to be spoken of: those that renew themselves do so a month before.
const (
	soonNote = 21 * 24 * time.Hour
	soonMend = 7 * 24 * time.Hour
)

// expiry says when the certificate of a connection ends; nothing of a connection without one.
func (s subject) expiry(whose string, state *tls.ConnectionState, now time.Time) []Finding {
	ends, ok := end(state)
	if !ok {
		return nil
	}
	left, on := ends.Sub(now), ends.UTC().Format(time.DateOnly)
	switch remedy := "have it renewed, and see why it does not renew itself"; {
	case left < soonMend:
		return []Finding{s.mend(remedy, "the TLS certificate of %s ends on %s, in %s", whose, on, days(left))}
	case left < soonNote:
		return []Finding{s.note(remedy, "the TLS certificate of %s ends on %s, in %s", whose, on, days(left))}
	}
	return []Finding{s.fine("the TLS certificate of %s is valid until %s", whose, on)}
}

// end is when a connection's certificate will no longer be trusted: when the longest of its chains has lost a link.
func end(state *tls.ConnectionState) (last time.Time, ok bool) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return last, false
	}
	chains := state.VerifiedChains
	if len(chains) == 0 {
		chains = [][]*x509.Certificate{state.PeerCertificates[:1]}
	}
	for _, chain := range chains {
		ends := chain[0].NotAfter
		for _, c := range chain[1:] {
			ends = earlier(ends, c.NotAfter)
		}
		if ends.After(last) {
			last = ends
		}
	}
	return last, true
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func days(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprint(n, " days")
}

// untrusted says what is wrong with a TLS connection that did not come about, and what to do. It is false for other errors.
func untrusted(err error, whose string) (what, remedy string, ok bool) {
	if invalid, is := errors.AsType[x509.CertificateInvalidError](err); is && invalid.Reason == x509.Expired {
		return outOfTime(invalid.Cert, whose)
	}
	if host, is := errors.AsType[x509.HostnameError](err); is {
		return fmt.Sprintf("the TLS certificate of %s is not for %q but for %s", whose, host.Host, names(host.Certificate)),
			"correct the host in its URL, or have a certificate made for it", true
	}
	if _, is := errors.AsType[x509.UnknownAuthorityError](err); is {
		return fmt.Sprintf("the TLS certificate of %s is of an authority that this machine does not know", whose),
			"install the package ca-certificates, or name a file with the authority's certificate in SSL_CERT_FILE", true
	}
	if _, is := errors.AsType[tls.RecordHeaderError](err); is || err != nil && strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		return whose + " does not speak TLS there", "correct the scheme or the port of its URL", true
	}
	if certificate, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return fmt.Sprintf("the TLS certificate of %s is not trusted: %v", whose, certificate.Err), "have another one made", true
	}
	return "", "", false
}

func outOfTime(c *x509.Certificate, whose string) (what, remedy string, ok bool) {
	if time.Now().Before(c.NotBefore) {
		return fmt.Sprintf("the TLS certificate of %s begins on %s", whose, c.NotBefore.UTC().Format(time.DateOnly)),
			"set this machine's clock, or wait", true
	}
	return fmt.Sprintf("the TLS certificate of %s ended on %s", whose, c.NotAfter.UTC().Format(time.DateOnly)), "renew it", true
}

// names are what a certificate is for, cut to a few.
func names(c *x509.Certificate) string {
	all := c.DNSNames
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all[:min(len(all), 3)], ", ")
}
