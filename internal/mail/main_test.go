package mail_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "planted-password"

// script says what a mail server does otherwise than to take every email. Nil fields: nothing.
type script struct {
	mail, rcpt, data, reset func() error
	end                     func(net.Conn) error // after the email's end; its error is the reply
	mechanisms              []string             // of login; none: no login
	certificate             *tls.Certificate     // for STARTTLS, or for TLS at once
	implicit, utf8          bool
}

// server is a mail server on this machine.
type server struct {
	script
	address string

	mu          sync.Mutex
	mails       []received
	connections int
	now, most   int // connections open, and the most there were at once
	perConn     map[*smtp.Conn]int
}

type received struct {
	from, to string
	utf8     bool
	raw      []byte
}

func serve(t testing.TB, s script) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &server{script: s, address: listener.Addr().String(), perConn: make(map[*smtp.Conn]int)}
	d := smtp.NewServer(smtp.BackendFunc(srv.session))
	d.Domain, d.EnableSMTPUTF8, d.AllowInsecureAuth = "mx.example", s.utf8, true
	d.ErrorLog = log.New(io.Discard, "", 0)
	if s.certificate != nil {
		config := &tls.Config{Certificates: []tls.Certificate{*s.certificate}}
		if s.implicit {
			listener = tls.NewListener(listener, config)
		} else {
			d.TLSConfig = config
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); d.Serve(listener) }()
	t.Cleanup(func() { d.Close(); <-done })
	return srv
}

func (s *server) session(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections++
	s.now++
	s.most = max(s.most, s.now)
	return &conversation{server: s, conn: c}, nil
}

func (s *server) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

type conversation struct {
	*server
	conn *smtp.Conn
	received
}

func run(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (c *conversation) Reset() { run(c.reset) }

func (c *conversation) Logout() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	return nil
}

func (c *conversation) Mail(from string, o *smtp.MailOptions) error {
	c.received = received{from: from, utf8: o != nil && o.UTF8}
	return run(c.mail)
}

func (c *conversation) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to += to
	return run(c.rcpt)
}

func (c *conversation) Data(r io.Reader) error {
	if err := run(c.data); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if c.end != nil {
		if err := c.end(c.conn.Conn()); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = raw
	c.mails = append(c.mails, c.received)
	c.perConn[c.conn]++
	return nil
}

func (c *conversation) AuthMechanisms() []string { return c.mechanisms }

func (c *conversation) Auth(kind string) (sasl.Server, error) {
	check := func(user, pass string) error {
		if user != "user" || pass != password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such login: " + user + " " + pass}
		}
		return nil
	}
	switch kind {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, pass string) error { return check(user, pass) }), nil
	case "LOGIN":
		return &loginServer{check: check}, nil
	case "XOAUTH2":
		return oauthServer(check), nil
	}
	return nil, smtp.ErrAuthUnsupported
}

// loginServer asks for user and password, as the mechanism LOGIN has it.
type loginServer struct {
	check func(user, pass string) error
	asked int
	user  string
}

func (s *loginServer) Next(response []byte) ([]byte, bool, error) {
	s.asked++
	switch s.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		s.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, s.check(s.user, string(response))
}

type oauthServer func(user, pass string) error

func (check oauthServer) Next(response []byte) ([]byte, bool, error) {
	parts := strings.Split(string(response), "\x01")
	return nil, true, check(strings.TrimPrefix(parts[0], "user="), strings.TrimPrefix(parts[1], "auth=Bearer "))
}

func fails(code int, status smtp.EnhancedCode, words string) func() error {
	return func() error { return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: words} }
}

// reset closes a connection so that the other side sees a reset.
func reset(conn net.Conn) error {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
	return errors.New("gone")
}

// certificate returns one for 127.0.0.1 with the pool that trusts it.
func certificate(t testing.TB) (*tls.Certificate, *x509.CertPool) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &s.TLS.Certificates[0], pool
}

// sender returns a sender with short time-outs, closed at the test's end.
func sender(t testing.TB, c mail.Config) *mail.Sender {
	t.Helper()
	c.CommandTimeout = 5 * time.Second
	if strings.Contains(c.URL, "@") {
		c.Password = merchant.NewSecret(password)
	}
	s, err := mail.NewSender(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func builtin(t testing.TB) *mail.Templates {
	t.Helper()
	templates, err := mail.LoadTemplates(nil)
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

func write(t testing.TB, l mail.Letter) *mail.Message {
	t.Helper()
	m, err := builtin(t).Write(l)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
