// Package postbox is a mail server on this machine that keeps what it takes: the demo shows what is in it, and tests look
// whether it is right. It knows SMTP and how an email is put together. It does not know what the emails are about, and it shares no
// code with what sends them, so that a mistake there shows here.
package postbox

import (
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Stage is a point of the dialogue.
type Stage string

const (
	Login     Stage = "login"
	Sender    Stage = "MAIL"
	Recipient Stage = "RCPT"
	Content   Stage = "DATA" // the email is there whole
)

// ErrReset has the connection reset in place of a reply. At Content the email is kept: its sender can not know.
var ErrReset = errors.New("the connection is reset")

// Judge decides what is replied: nil for yes, an *smtp.SMTPError, or ErrReset. to is empty before Recipient.
type Judge func(at Stage, to string) error

// Mail is an email as it came.
type Mail struct {
	From, To string // of the envelope
	Data     []byte
	At       time.Time
	Denied   bool // it is here, but its sender was not told that it was taken
}

// Box is a mail server. It is safe for concurrent use.
type Box struct {
	mu      sync.Mutex
	mails   []Mail
	judge   Judge
	login   bool
	addr    string
	server  *smtp.Server // nil while it is down
	stopped chan struct{}
}

// Open starts a mail server on a free port of loopback. With login it takes any user and password, if the judge does, and
// nothing without. Close it when done.
func Open(login bool, judge Judge) (*Box, error) {
	b := &Box{login: login, judge: judge, addr: "127.0.0.1:0"}
	return b, b.Up()
}

// Up lets it answer again, at its address.
func (b *Box) Up() error {
	listener, err := net.Listen("tcp", b.Addr())
	if err != nil {
		return err
	}
	server, stopped := smtp.NewServer(smtp.BackendFunc(b.session)), make(chan struct{})
	server.AllowInsecureAuth = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	go func() {
		defer close(stopped)
		_ = server.Serve(listener) // it ends with Down
	}()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addr, b.server, b.stopped = listener.Addr().String(), server, stopped
	return nil
}

// Down has it refuse and end connections.
func (b *Box) Down() error {
	b.mu.Lock()
	server, stopped := b.server, b.stopped
	b.server = nil
	b.mu.Unlock()
	if server == nil {
		return nil
	}
	err := server.Close()
	<-stopped
	return err
}

// Close ends it. What it took stays readable.
func (b *Box) Close() error { return b.Down() }

// Addr is where it listens, as "127.0.0.1:2525".
func (b *Box) Addr() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// Decide changes the judge; nil says yes to everything.
func (b *Box) Decide(j Judge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.judge = j
}

// Mails returns all that came, in order.
func (b *Box) Mails() []Mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mails[:len(b.mails):len(b.mails)]
}

func (b *Box) asks(at Stage, to string) error {
	b.mu.Lock()
	judge := b.judge
	b.mu.Unlock()
	if judge == nil {
		return nil
	}
	return judge(at, to)
}

func (b *Box) session(c *smtp.Conn) (smtp.Session, error) {
	s := &session{box: b, conn: c}
	if b.login {
		return &loginSession{session: s}, nil
	}
	return s, nil
}

// session is one connection.
type session struct {
	box      *Box
	conn     *smtp.Conn
	from, to string
}

// answer replies what the judge says.
func (s *session) answer(err error) error {
	if errors.Is(err, ErrReset) {
		if tcp, ok := s.conn.Conn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		s.conn.Conn().Close()
	}
	return err
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.answer(s.box.asks(Sender, ""))
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.answer(s.box.asks(Recipient, to))
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	err = s.box.asks(Content, s.to)
	if err == nil || errors.Is(err, ErrReset) {
		s.box.mu.Lock()
		s.box.mails = append(s.box.mails, Mail{From: s.from, To: s.to, Data: text, At: time.Now(), Denied: err != nil})
		s.box.mu.Unlock()
	}
	return s.answer(err)
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }

// loginSession lets nobody in who has not logged in.
type loginSession struct {
	*session
	in bool
}

func (s *loginSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *loginSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, _ string) error {
		err := s.box.asks(Login, "")
		s.in = err == nil
		return s.answer(err)
	}), nil
}

func (s *loginSession) Mail(from string, o *smtp.MailOptions) error {
	if !s.in {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "log in first"}
	}
	return s.session.Mail(from, o)
}
