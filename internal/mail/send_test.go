package mail_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
)

func TestSent(t *testing.T) {
	srv := serve(t, script{})
	m := write(t, mail.SampleLetter("ja"))
	if a := sender(t, mail.Config{URL: "smtp://" + srv.address}).Send(t.Context(), m); a != (mail.Answer{Outcome: mail.Sent}) {
		t.Fatalf("%+v", a)
	}
	got := srv.received()
	if len(got) != 1 || got[0].from != "pay@shop.example" || got[0].to != "customer@customer.example" || string(got[0].raw) != string(m.Raw()) {
		t.Errorf("received %+v", got)
	}
}

// What the server says at each stage decides whether the email is tried again, and whom to blame.
func TestRepliesByStage(t *testing.T) {
	for name, c := range map[string]struct {
		script
		want mail.Outcome
		code string
	}{
		"451 at MAIL":            {script{mail: fails(451, smtp.EnhancedCode{4, 3, 0}, "later")}, mail.Retry, "smtp_451"},
		"550 at MAIL":            {script{mail: fails(550, smtp.EnhancedCode{5, 7, 1}, "sender not allowed")}, mail.Misconfigured, "smtp_550"},
		"552 at MAIL":            {script{mail: fails(552, smtp.EnhancedCode{5, 3, 4}, "too big")}, mail.Refused, "smtp_552"},
		"450 at RCPT":            {script{rcpt: fails(450, smtp.EnhancedCode{4, 7, 1}, "greylisted")}, mail.Retry, "smtp_450"},
		"550 at RCPT":            {script{rcpt: fails(550, smtp.EnhancedCode{5, 1, 1}, "no such user")}, mail.Refused, "smtp_550"},
		"relay denied at RCPT":   {script{rcpt: fails(554, smtp.EnhancedCode{5, 7, 1}, "Relay access denied")}, mail.Misconfigured, "smtp_554"},
		"451 at DATA":            {script{data: fails(451, smtp.EnhancedCode{4, 3, 0}, "later")}, mail.Retry, "smtp_451"},
		"554 at the email's end": {script{data: fails(554, smtp.EnhancedCode{5, 7, 1}, "looks like spam")}, mail.Refused, "smtp_554"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, c.script)
			a := sender(t, mail.Config{URL: "smtp://" + srv.address}).Send(t.Context(), write(t, mail.SampleLetter("")))
			if a.Outcome != c.want || a.Code != c.code || a.Status == 0 || a.Enhanced == "" || a.Message == "" {
				t.Errorf("%+v, want %s (%s)", a, c.want, c.code)
			}
		})
	}
}

// RFC 1047: the server may have taken the email although its reply never came.
func TestBrokenAfterTheEnd(t *testing.T) {
	srv := serve(t, script{end: reset})
	a := sender(t, mail.Config{URL: "smtp://" + srv.address}).Send(t.Context(), write(t, mail.SampleLetter("")))
	if a.Outcome != mail.Unknown || !strings.Contains(a.Message, "not known") {
		t.Errorf("%+v, want unknown", a)
	}
}

func TestSilentAfterTheEnd(t *testing.T) {
	silence := make(chan struct{})
	srv := serve(t, script{end: func(net.Conn) error { <-silence; return nil }})
	defer close(silence)
	s := sender(t, mail.Config{URL: "smtp://" + srv.address, Timeout: 200 * time.Millisecond})
	if a := s.Send(t.Context(), write(t, mail.SampleLetter(""))); a.Outcome != mail.Unknown || a.Code != "timeout" {
		t.Errorf("%+v, want unknown", a)
	}
}

func TestCancelledAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	silence := make(chan struct{})
	srv := serve(t, script{end: func(net.Conn) error { cancel(); <-silence; return nil }})
	defer close(silence)
	if a := sender(t, mail.Config{URL: "smtp://" + srv.address}).Send(ctx, write(t, mail.SampleLetter(""))); a.Outcome != mail.Unknown || a.Code != "cancelled" {
		t.Errorf("%+v, want unknown", a)
	}
}

// An email whose end cannot have gone out was surely not taken.
func TestBrokenBeforeTheEnd(t *testing.T) {
	for name, talk := range map[string]func(net.Conn){
		"before DATA":       dialogue("220 hi", "EHLO", "250 hi", "MAIL", "250 ok", "RCPT", "250 ok", "DATA", ""),
		"within the email":  dialogue("220 hi", "EHLO", "250 hi", "MAIL", "250 ok", "RCPT", "250 ok", "DATA", "354 go on"),
		"before the RCPT":   dialogue("220 hi", "EHLO", "250 hi", "MAIL", "250 ok", "RCPT", ""),
		"before a greeting": dialogue(""),
	} {
		t.Run(name, func(t *testing.T) {
			m := mail.LargeMessage(write(t, mail.SampleLetter("")), 16<<20) // more than the network takes without a reader
			a := sender(t, mail.Config{URL: "smtp://" + listen(t, talk)}).Send(t.Context(), m)
			if a.Outcome != mail.Retry || a.Code != "connection_reset" && a.Code != "connection_closed" {
				t.Errorf("%+v, want retry", a)
			}
		})
	}
}

func TestGreetings(t *testing.T) {
	for name, c := range map[string]struct {
		talk func(net.Conn)
		want mail.Outcome
		code string
	}{
		"busy":         {dialogue("421 4.3.2 come back later", "never"), mail.Retry, "smtp_421"},
		"unwanted":     {dialogue("554 5.7.1 no service for you", "never"), mail.Misconfigured, "smtp_554"},
		"no SMTP":      {dialogue("HTTP/1.1 400 Bad Request", "never"), mail.Misconfigured, "protocol"},
		"endless":      {dialogue("220-"+strings.Repeat("planted ", 1<<16), "never"), mail.Retry, "protocol"},
		"EHLO refused": {dialogue("220 hi", "EHLO", "550 no", "HELO", "550 no", "never"), mail.Misconfigured, "smtp_550"},
		"421 at RCPT":  {dialogue("220 hi", "EHLO", "250 hi", "MAIL", "250 ok", "RCPT", "421 4.7.0 too much from you", "never"), mail.Retry, "smtp_421"},
	} {
		t.Run(name, func(t *testing.T) {
			a := sender(t, mail.Config{URL: "smtp://" + listen(t, c.talk)}).Send(t.Context(), write(t, mail.SampleLetter("")))
			if a.Outcome != c.want || a.Code != c.code || strings.Contains(a.Message, "planted") {
				t.Errorf("%+v, want %s (%s)", a, c.want, c.code)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	gone := listen(t, nil)
	for url, want := range map[string]mail.Answer{
		"smtp://" + gone:                             {Outcome: mail.Retry, Code: "connection_refused"},
		"smtp://no-such-host.invalid":                {Outcome: mail.Misconfigured, Code: "dns"},
		"smtps://" + serve(t, script{}).address + "": {Outcome: mail.Misconfigured, Code: "tls"},
	} {
		a := sender(t, mail.Config{URL: url}).Send(t.Context(), write(t, mail.SampleLetter("")))
		if a.Outcome != want.Outcome || a.Code != want.Code {
			t.Errorf("%s: %+v, want %s (%s)", url, a, want.Outcome, want.Code)
		}
	}
}

func TestEncryption(t *testing.T) {
	cert, trusted := certificate(t)
	for name, c := range map[string]struct {
		scheme, query string
		script
		want mail.Outcome
		code string
	}{
		"STARTTLS":               {"smtp", "?tls=starttls", script{certificate: cert}, mail.Sent, ""},
		"TLS at once":            {"smtps", "", script{certificate: cert, implicit: true}, mail.Sent, ""},
		"STARTTLS stripped":      {"smtp", "?tls=starttls", script{}, mail.Misconfigured, "starttls_missing"},
		"bad certificate":        {"smtp", "?tls=starttls", script{certificate: cert}, mail.Misconfigured, "tls"},
		"bad certificate, smtps": {"smtps", "", script{certificate: cert, implicit: true}, mail.Misconfigured, "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, c.script)
			config := mail.Config{URL: c.scheme + "://" + srv.address + c.query, RootCAs: trusted}
			if c.code == "tls" {
				config.RootCAs = nil
			}
			a := sender(t, config).Send(t.Context(), write(t, mail.SampleLetter("")))
			if a.Outcome != c.want || a.Code != c.code || len(srv.received()) != map[bool]int{true: 1}[c.want == mail.Sent] {
				t.Errorf("%+v, %d emails; want %s (%s)", a, len(srv.received()), c.want, c.code)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		offer []string
		want  mail.Outcome
		code  string
	}{
		"auto, PLAIN": {"", []string{"PLAIN", "LOGIN"}, mail.Sent, ""},
		"auto, LOGIN": {"", []string{"LOGIN", "XOAUTH2"}, mail.Sent, ""},
		"plain":       {"?auth=plain", []string{"PLAIN"}, mail.Sent, ""},
		"login":       {"?auth=login", []string{"PLAIN", "LOGIN"}, mail.Sent, ""},
		"xoauth2":     {"?auth=xoauth2", []string{"XOAUTH2"}, mail.Sent, ""},
		"not offered": {"?auth=cram-md5", []string{"PLAIN"}, mail.Misconfigured, "auth_missing"},
		"none":        {"", nil, mail.Misconfigured, "auth_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, script{mechanisms: c.offer})
			s := sender(t, mail.Config{URL: "smtp://user@" + srv.address + c.query})
			if a := s.Send(t.Context(), write(t, mail.SampleLetter(""))); a.Outcome != c.want || a.Code != c.code {
				t.Errorf("%+v, want %s (%s)", a, c.want, c.code)
			}
		})
	}
}

func TestWrongPassword(t *testing.T) {
	for _, kind := range []string{"PLAIN", "LOGIN", "XOAUTH2"} {
		srv := serve(t, script{mechanisms: []string{kind}})
		s, err := mail.NewSender(mail.Config{URL: "smtp://user@" + srv.address + "?auth=" + strings.ToLower(kind), Password: merchant.NewSecret("planted-secret")})
		if err != nil {
			t.Fatal(err)
		}
		a := s.Send(t.Context(), write(t, mail.SampleLetter("")))
		if a.Outcome != mail.Misconfigured || a.Status != 535 || a.Enhanced != "5.7.8" || strings.Contains(fmt.Sprint(a, s), "planted") {
			t.Errorf("%s: %+v", kind, a)
		}
		if err := s.Check(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "misconfigured: smtp_535: ") || strings.Contains(err.Error(), "planted") {
			t.Errorf("check: %v", err)
		}
		s.Close()
	}
}

func TestCheck(t *testing.T) {
	srv := serve(t, script{mechanisms: []string{"PLAIN"}})
	s := sender(t, mail.Config{URL: "smtp://user@" + srv.address})
	if err := errors.Join(s.Check(t.Context()), s.Check(t.Context())); err != nil || srv.connections != 1 || len(srv.received()) != 0 {
		t.Errorf("%v, %d connections", err, srv.connections)
	}
}

// Addresses in other alphabets: the domain always goes in ASCII, what stands before the @ only if the server can.
func TestInternationalAddresses(t *testing.T) {
	for _, c := range []struct {
		to, want string
		utf8     bool
		outcome  mail.Outcome
	}{
		{"taro@例え.example", "taro@xn--r8jz45g.example", false, mail.Sent},
		{"taro@例え.example", "taro@xn--r8jz45g.example", true, mail.Sent},
		{"太郎@例え.example", "太郎@xn--r8jz45g.example", true, mail.Sent},
		{"太郎@例え.example", "", false, mail.Refused},
	} {
		srv := serve(t, script{utf8: c.utf8})
		l := mail.SampleLetter("ja")
		l.To.To = c.to
		s := sender(t, mail.Config{URL: "smtp://" + srv.address})
		a := s.Send(t.Context(), write(t, l))
		got := srv.received()
		switch {
		case a.Outcome != c.outcome:
			t.Errorf("%s: %+v", c.to, a)
		case c.outcome == mail.Refused && (a.Code != "smtputf8_missing" || len(got) != 0):
			t.Errorf("%s: %+v", c.to, a)
		case c.outcome == mail.Sent && (got[0].to != c.want || got[0].utf8 != strings.HasPrefix(c.to, "太")):
			t.Errorf("%s: received for %s, SMTPUTF8 %v", c.to, got[0].to, got[0].utf8)
		}
		if a := s.Send(t.Context(), write(t, mail.SampleLetter(""))); a.Outcome != mail.Sent || srv.connections != 1 {
			t.Errorf("the next email: %+v by %d connections", a, srv.connections)
		}
	}
}
