package doctor_test

import (
	"net"
	"testing"
)

var mailRows = []row{
	{"no mail server there", func(t *testing.T, s *scene) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		s.mail("smtps", l.Addr().String(), "")
	}, []string{
		"MEND mail: mail server 127.0.0.1:{mail} (encryption: TLS, login: auto): retry: connection_refused: the mail server refused the connection → correct host and port in HPPLINK_SMTP (smtps://…:465, smtp://…:587), or start the mail server",
	}, 1},
	{"the mail server refuses the password", func(t *testing.T, s *scene) { s.mailbox(t, sound, true, "another") }, []string{
		"MEND mail: mail server 127.0.0.1:{mail} (encryption: TLS, login: auto): misconfigured: smtp_535: login: 535 5.7.8 bad login → correct the user in HPPLINK_SMTP and HPPLINK_SMTP_PASSWORD",
	}, 1},
	{"the mail server offers no STARTTLS", func(t *testing.T, s *scene) {
		s.mail("smtp", mailServer(t, mailPassword, nil, false), "?tls=starttls")
	}, []string{
		"MEND mail: mail server 127.0.0.1:{mail} (encryption: STARTTLS, login: auto): misconfigured: starttls_missing: the mail server does not offer STARTTLS, so nothing was sent; check its URL → correct host and port in HPPLINK_SMTP (smtps://…:465, smtp://…:587), or start the mail server",
	}, 1},
	{"the mail server's certificate has expired", func(t *testing.T, s *scene) { s.mailbox(t, expired, false, mailPassword) }, []string{
		"MEND mail: mail server 127.0.0.1:{mail} (encryption: STARTTLS, login: auto): the TLS certificate of the mail server ended on " + lastDay + " → renew it",
	}, 1},
	{"the mail server's certificate is for another host", func(t *testing.T, s *scene) { s.mailbox(t, foreign, true, mailPassword) }, []string{
		`MEND mail: mail server 127.0.0.1:{mail} (encryption: TLS, login: auto): the TLS certificate of the mail server is not for "127.0.0.1" but for other.example → correct the host in its URL, or have a certificate made for it`,
	}, 1},
	{"the mail server's certificate ends soon", func(t *testing.T, s *scene) {
		s.mailbox(t, ending, false, mailPassword)
		_, end := certificate(t, ending)
		s.also("{end}", end)
	}, []string{
		"MEND certificate: the TLS certificate of the mail server ends on {end}, in 3 days → have it renewed, and see why it does not renew itself",
	}, 1},
	{"emails go unencrypted", func(t *testing.T, s *scene) {
		s.mail("smtp", "0.0.0.0:"+portOf(mailServer(t, mailPassword, nil, false)), "?tls=none&allow-insecure=true")
	}, []string{
		"MEND mail: mail server 0.0.0.0:{mail} (encryption: none, login: auto): emails, and the password, go over the network for all to read → take tls=none and allow-insecure off HPPLINK_SMTP",
	}, 1},
	{"a sender that can not be", func(t *testing.T, s *scene) {
		s.settingsFile(t, "    mail: {from: Sakura <pay@sakura.example>}\n")
	}, []string{"MEND sender: M-1001: no email can come from the domain sakura.example → set mail.from to an address that the mail server may send as"}, 1},
	{"no password for the mail server", func(t *testing.T, s *scene) { delete(s.env, "SMTP_PASSWORD_FILE") }, []string{
		"note times: a process takes up to 52s to stop → give it longer than that: terminationGracePeriodSeconds, stop_grace_period, TimeoutStopSec", // no email is sent
		"MEND mail: --smtp / HPPLINK_SMTP: mail server URL has a user but there is no password: set HPPLINK_SMTP_PASSWORD or HPPLINK_SMTP_PASSWORD_FILE",
	}, 2},
}

func (s *scene) mail(scheme, address, query string) {
	s.env["SMTP"] = scheme + "://user@" + address + query
	s.also("{mail}", portOf(address))
}

// mailbox has the scene use a mail server of its own.
func (s *scene) mailbox(t *testing.T, f flaw, atOnce bool, password string) {
	c, _ := certificate(t, f)
	scheme, query := "smtp", "?tls=starttls"
	if atOnce {
		scheme, query = "smtps", ""
	}
	s.mail(scheme, mailServer(t, password, &c, atOnce), query)
}

// settingsFile has the merchant be set up by a file, with more lines of its own.
func (s *scene) settingsFile(t *testing.T, more string) {
	s.env["CONFIG"] = file(t, "hpplink.yaml", "merchants:\n  - id: M-1001\n    gateway_url: "+s.env["GATEWAY_URL"]+"\n    api_key: {file: "+s.env["API_KEY_FILE"]+"}\n    x_api_key: {file: "+s.env["X_API_KEY_FILE"]+
		"}\n    max_open: 100000\n"+more)
	for _, name := range []string{"GATEWAY_URL", "API_KEY_FILE", "X_API_KEY_FILE", "MERCHANT_EMAIL", "MAX_OPEN"} {
		delete(s.env, name)
	}
}
