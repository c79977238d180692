package mail

import (
	"errors"
	"slices"
	"strings"

	"github.com/wneessen/go-mail/smtp"
)

var (
	errNoAuth      = errors.New("the mail server does not offer that kind of login")
	mechanismNames = map[string]string{"plain": "PLAIN", "login": "LOGIN", "cram-md5": "CRAM-MD5", "xoauth2": "XOAUTH2"}
)

func (s *Sender) login(client *smtp.Client) error {
	if s.target.auth == "none" {
		return nil
	}
	_, list := client.Extension("AUTH")
	kind := s.target.auth
	if kind == "auto" {
		kind = strongest(list, s.target.security != none)
	}
	if !offers(list, kind) {
		return errNoAuth
	}
	return client.Auth(s.mechanism(kind))
}

// strongest chooses among what is offered. CRAM-MD5 hides the password from the network, but asks the server to keep it
// readable, so where the network cannot read along it comes last.
func strongest(list string, encrypted bool) string {
	order := []string{"plain", "login", "cram-md5"}
	if !encrypted {
		order = []string{"cram-md5", "plain", "login"}
	}
	for _, kind := range order {
		if offers(list, kind) {
			return kind
		}
	}
	return ""
}

func offers(list, kind string) bool {
	return slices.Contains(strings.Fields(strings.ToUpper(list)), mechanismNames[kind])
}

func (s *Sender) mechanism(kind string) smtp.Auth {
	user, password, host := s.target.user, s.config.Password.Reveal(), s.target.host
	switch kind {
	case "login":
		return smtp.LoginAuth(user, password, host, s.target.clear)
	case "cram-md5":
		return smtp.CRAMMD5Auth(user, password)
	case "xoauth2":
		return smtp.XOAuth2Auth(user, password)
	}
	return smtp.PlainAuth("", user, password, host, s.target.clear)
}
