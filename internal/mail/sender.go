package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/merchant"
)

// Config sets up a Sender.
type Config struct {
	// URL is the mail server: smtp://user@host:587 (STARTTLS is required, but on this machine not used unless asked for
	// by ?tls=starttls), smtps://user@host:465 (TLS at once), or smtp://127.0.0.1:1025. Without port: 587, 465. Query:
	// auth=plain, login, cram-md5, xoauth2 (the password is a token) or auto, the default if there is a user; tls=none
	// together with allow-insecure=true for a server elsewhere that cannot encrypt.
	URL      string
	Password merchant.Secret

	Connections    int            // at once; default 4
	Mails          int            // a connection is used for; default 100
	Idle           time.Duration  // a connection is kept unused; default 30 s
	ConnectTimeout time.Duration  // default 10 s
	CommandTimeout time.Duration  // for each reply, and TLS; default 30 s
	Timeout        time.Duration  // for one email in all, waiting for a connection included; default 2 min
	RootCAs        *x509.CertPool // nil: the system's
}

func (c *Config) complete() {
	c.Connections = cmp.Or(max(c.Connections, 0), 4)
	c.Mails = cmp.Or(max(c.Mails, 0), 100)
	c.Idle = cmp.Or(c.Idle, 30*time.Second)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 10*time.Second)
	c.CommandTimeout = cmp.Or(c.CommandTimeout, 30*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Minute)
}

// Sender sends emails by one mail server. It is safe for concurrent use; make one and keep it, since it holds the
// connections.
type Sender struct {
	target *target
	config Config
	tls    *tls.Config
	pool   *pool
}

// NewSender returns a sender that has not connected to anything yet. The error lists all that is wrong with the URL.
func NewSender(c Config) (*Sender, error) {
	t, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	switch {
	case t.user != "" && c.Password.IsZero():
		return nil, errors.New("mail server URL has a user but there is no password: set HPPLINK_SMTP_PASSWORD or HPPLINK_SMTP_PASSWORD_FILE")
	case t.user == "" && !c.Password.IsZero():
		return nil, errors.New("there is a password for the mail server, but its URL has no user: write smtp://user@host")
	}
	c.complete()
	return &Sender{
		target: t, config: c, pool: newPool(c.Connections, c.Idle),
		tls: &tls.Config{ServerName: t.host, RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
	}, nil
}

// String names the server and how it is spoken to, for logs.
func (s *Sender) String() string {
	return fmt.Sprintf("mail server %s (encryption: %s, login: %s)", s.target.address(), s.target.security, s.target.auth)
}

// Close closes the connections that are not in use, and has the others closed once their email is done.
func (s *Sender) Close() { s.pool.close() }

// Send sends one email. It takes no longer than the time-out or ctx, whichever ends first. Every failure is an Answer.
func (s *Sender) Send(ctx context.Context, m *Message) Answer {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	w := words{message: m, target: s.target, password: s.config.Password}
	if f := s.with(ctx, func(c *session) *fault { return c.deliver(m) }); f != nil {
		return f.answer(ctx, w)
	}
	return Answer{Outcome: Sent}
}

// with lends a connection.
func (s *Sender) with(ctx context.Context, use func(*session) *fault) *fault {
	if err := s.pool.enter(ctx); err != nil {
		return &fault{stage: waiting, err: err}
	}
	defer s.pool.leave()
	c, f := s.session(ctx)
	if f != nil {
		return f
	}
	f = use(c)
	if c.detach(); !c.usable(f) || c.mails >= s.config.Mails || !s.pool.keep(c) {
		c.quit()
	}
	return f
}

// session returns a connection that was just seen to live, or a new one.
func (s *Sender) session(ctx context.Context) (*session, *fault) {
	for c := s.pool.take(); c != nil; c = s.pool.take() {
		c.attach(ctx)
		if c.reset() == nil {
			return c, nil
		}
		c.detach()
		c.quit()
	}
	return s.connect(ctx)
}
