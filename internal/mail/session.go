package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// session is one connection on which the server has greeted us and let us in.
type session struct {
	*wire
	client  *smtp.Client
	command time.Duration // time for each reply
	mails   int
}

// connect makes a session. Whatever fails, nothing of the email has been sent.
func (s *Sender) connect(ctx context.Context) (*session, *fault) {
	dialer := net.Dialer{Timeout: s.config.ConnectTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", s.target.address())
	if err != nil {
		return nil, &fault{stage: connecting, err: err}
	}
	c := &session{wire: &wire{Conn: conn}, command: s.config.CommandTimeout}
	c.attach(ctx)
	if f := s.open(ctx, c); f != nil {
		c.detach()
		conn.Close()
		return nil, f
	}
	return c, nil
}

func (s *Sender) open(ctx context.Context, c *session) *fault {
	var conn net.Conn = c.wire
	c.allow(c.command)
	if s.target.security == implicit {
		secure := tls.Client(c.wire, s.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return &fault{stage: encrypting, err: err}
		}
		conn = secure
	}
	return c.steps(
		step{greeting, func() (err error) { c.client, err = smtp.NewClient(conn, s.target.host); return err }},
		step{greeting, func() error { return c.client.Hello(helloName(c.wire)) }},
		step{encrypting, func() error { return s.encrypt(c.client) }},
		step{login, func() error { return s.login(c.client) }},
	)
}

// step is a part of the conversation that gets time of its own.
type step struct {
	stage stage
	run   func() error
}

// steps goes on until one fails.
func (c *session) steps(all ...step) *fault {
	for _, s := range all {
		c.allow(c.command)
		if err := s.run(); err != nil {
			return &fault{stage: s.stage, err: err, cutOff: !c.wroteAll()}
		}
	}
	return nil
}

// helloName is our address: a name would have to resolve, and "localhost" is refused by some.
func helloName(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		return "localhost"
	}
	if strings.Contains(host, ":") {
		host, _, _ = strings.Cut(host, "%")
		return "[IPv6:" + host + "]"
	}
	return "[" + host + "]"
}

var errNoSTARTTLS = errors.New("the mail server does not offer STARTTLS")

func (s *Sender) encrypt(client *smtp.Client) error {
	if s.target.security != startTLS {
		return nil
	}
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return errNoSTARTTLS
	}
	return client.StartTLS(s.tls)
}

// reset ends what came before on the connection, and shows that it lives.
func (c *session) reset() *fault {
	return c.steps(step{resetting, c.client.Reset})
}

var errNoSMTPUTF8 = errors.New("the address needs SMTPUTF8, which the mail server does not offer")

// deliver sends one email.
func (c *session) deliver(m *Message) *fault {
	c.mails++
	c.client.SkipSMTPUTF8(!m.needsUTF8())
	var body io.WriteCloser
	f := c.steps(
		step{sender, func() error { return c.mail(m) }},
		step{recipient, func() error { return c.client.Rcpt("<" + m.to + ">") }},
		step{data, func() (err error) { body, err = c.client.Data(); return err }},
		step{content, func() error { _, err := body.Write(m.raw); return err }},
	)
	if f != nil {
		return f
	}
	c.allow(0) // RFC 5321 asks for ten minutes here: to give up means not to know
	if err := body.Close(); err != nil {
		return &fault{stage: ending, err: err, cutOff: !c.wroteAll()}
	}
	return nil
}

func (c *session) mail(m *Message) error {
	if offered, _ := c.client.Extension("SMTPUTF8"); !offered && m.needsUTF8() {
		return errNoSMTPUTF8
	}
	return c.client.Mail("<" + m.from + ">")
}

// usable reports whether another email can follow. After a refusal it can: reset comes first.
func (c *session) usable(f *fault) bool {
	if f == nil || errors.Is(f.err, errNoSMTPUTF8) {
		return true
	}
	reply, ok := errors.AsType[*textproto.Error](f.err)
	return ok && f.stage != resetting && reply.Code != 421 && reply.Code >= 400
}

// quit says good-bye and does not wait for the answer.
func (c *session) quit() {
	c.allow(time.Second)
	if c.wroteAll() {
		c.client.Text.Cmd("QUIT")
	}
	c.client.Close()
}
