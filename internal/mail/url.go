package mail

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// target is a mail server and how to speak to it, as a URL says it.
type target struct {
	host, port string // the host's name in ASCII, or an IP address without brackets
	user       string
	auth       string // "none", "auto", "plain", "login", "cram-md5" or "xoauth2"
	security   security
	clear      bool // whether a password may go over the network unencrypted
}

// security says how the connection is encrypted.
type security string

const (
	implicit security = "TLS"      // from the first byte
	startTLS security = "STARTTLS" // asked for, and nothing goes on without it
	none     security = "none"
)

func (t *target) address() string { return net.JoinHostPort(t.host, t.port) }

var (
	auths     = []string{"plain", "login", "cram-md5", "xoauth2", "auto"}
	queryKeys = []string{"auth", "tls", "allow-insecure"}
)

// parseURL reads smtp://user@host:587 and smtps://user@host:465. Its errors, one for each thing wrong, repeat neither
// the user, who often is an address, nor what might be a password.
func parseURL(s string) (*target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("mail server URL is no URL: write it like smtp://user@host:587") // err repeats it
	}
	t := &target{user: u.User.Username(), auth: "none"}
	query, queryErr := url.ParseQuery(u.RawQuery)
	errs := []error{t.readScheme(u.Scheme), t.readHost(u), queryErr, checkRest(u), checkQuery(query)}
	errs = append(errs, t.readAuth(query.Get("auth")), t.readTLS(query.Get("tls"), query.Get("allow-insecure")))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *target) readScheme(scheme string) error {
	switch scheme {
	case "smtp":
		t.security, t.port = startTLS, "587"
	case "smtps":
		t.security, t.port = implicit, "465"
	default:
		return errors.New(`mail server URL begins neither with "smtp://" nor with "smtps://"`)
	}
	return nil
}

func (t *target) readHost(u *url.URL) error {
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		t.host = host
	} else if t.host, err = idna.Lookup.ToASCII(host); err != nil || t.host == "" {
		return errors.New("mail server URL has no host, or one that is no host name")
	}
	if u.Port() == "" {
		return nil
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
		return errors.New("mail server URL has a port that is not between 1 and 65535")
	}
	t.port = u.Port()
	return nil
}

func checkRest(u *url.URL) error {
	if _, has := u.User.Password(); has {
		return errors.New("mail server URL has a password: take it out and give it as a setting of its own, HPPLINK_SMTP_PASSWORD or HPPLINK_SMTP_PASSWORD_FILE")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" || u.Opaque != "" {
		return errors.New("mail server URL goes on after its host: cut that off")
	}
	return nil
}

func checkQuery(query url.Values) error {
	var all []error
	for key, values := range query {
		if !slices.Contains(queryKeys, key) {
			all = append(all, fmt.Errorf("mail server URL has a key in its query that is not known: known are %s", strings.Join(queryKeys, ", ")))
		} else if len(values) > 1 {
			all = append(all, fmt.Errorf("mail server URL has %s twice", key))
		}
	}
	return errors.Join(all...)
}

func (t *target) readAuth(auth string) error {
	switch {
	case auth != "" && !slices.Contains(auths, auth):
		return fmt.Errorf("mail server URL has an auth that is not known: use %s", strings.Join(auths, ", "))
	case auth != "" && t.user == "":
		return errors.New("mail server URL has auth but no user: write smtp://user@host")
	case strings.ContainsFunc(t.user, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return errors.New("mail server URL has a user with a control character")
	case auth != "":
		t.auth = auth
	case t.user != "":
		t.auth = "auto"
	}
	return nil
}

// readTLS allows an unencrypted connection to this machine, and elsewhere only to those who say twice that they mean it.
func (t *target) readTLS(mode, insecure string) error {
	t.clear = insecure == "true" || isLoopback(t.host)
	switch {
	case insecure != "" && insecure != "true" && insecure != "false":
		return errors.New(`mail server URL has an allow-insecure that is neither "true" nor "false"`)
	case mode != "" && t.security == implicit:
		return errors.New("mail server URL has tls beside smtps://, which is encrypted anyway: take it out")
	case mode != "" && mode != "none" && mode != "starttls":
		return errors.New(`mail server URL has a tls that is not known: use "starttls" or "none"`)
	case mode == "none" && !t.clear:
		return errors.New("mail server URL has tls=none with a server elsewhere, which shows emails and password to the network: " +
			"take it out, or add allow-insecure=true")
	case mode == "none", mode == "" && t.security == startTLS && isLoopback(t.host):
		t.security = none
	}
	return nil
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
