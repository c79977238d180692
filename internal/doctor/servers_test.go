package doctor_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

const (
	apiKey, xAPIKey, mailPassword, redisPassword = "planted-api-key", "planted-x-api-key", "planted-mail-password", "planted-redis-password"
)

// simulated is a gateway that takes our keys alone.
func simulated(t testing.TB, keys bool) http.Handler {
	t.Helper()
	options := sandbox.Options{}
	if keys {
		options.APIKey, options.XAPIKey = apiKey, xAPIKey
	}
	s, err := sandbox.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Handler()
}

// serve serves HTTPS with a certificate, and returns the base URL of a gateway.
func serve(t testing.TB, h http.Handler, f flaw) string {
	t.Helper()
	c, _ := certificate(t, f)
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL + "/api/v1"
}

// answering answers everything with a status.
func answering(status int, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if len(header) > 0 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
	})
}

// mailbox is a mail server's side of a conversation, with a login.
type mailbox struct{ password string }

func (m mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return m, nil }
func (mailbox) AuthMechanisms() []string                      { return []string{sasl.Plain} }
func (mailbox) Mail(string, *smtp.MailOptions) error          { return smtp.ErrAuthRequired }
func (mailbox) Rcpt(string, *smtp.RcptOptions) error          { return smtp.ErrAuthRequired }
func (mailbox) Data(io.Reader) error                          { return smtp.ErrAuthRequired }
func (mailbox) Reset()                                        {}
func (mailbox) Logout() error                                 { return nil }
func (m mailbox) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "user" || password != m.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "bad login"}
		}
		return nil
	}), nil
}

// mailServer starts a mail server, with TLS at once or by STARTTLS if it has a certificate, and returns its address.
func mailServer(t testing.TB, password string, c *tls.Certificate, atOnce bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	s := smtp.NewServer(mailbox{password})
	s.AllowInsecureAuth = true
	s.ErrorLog = log.New(io.Discard, "", 0)
	if c != nil {
		config := &tls.Config{Certificates: []tls.Certificate{*c}}
		if atOnce {
			listener = tls.NewListener(listener, config)
		} else {
			s.TLSConfig = config
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(listener) }()
	t.Cleanup(func() { s.Close(); <-done })
	return address
}

// between stands between a client and a server: what comes back is late, or changed.
type between struct {
	to       string
	late     time.Duration
	old, new string // of the same length
}

// listen returns the address to use in place of the server's. Without a server it listens, and says nothing.
func (b between) listen(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			all.Go(func() { b.carry(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

func (b between) carry(conn net.Conn) {
	defer conn.Close()
	if b.to == "" {
		io.Copy(io.Discard, conn)
		return
	}
	server, err := net.Dial("tcp", b.to)
	if err != nil {
		return
	}
	var there sync.WaitGroup
	there.Go(func() {
		io.Copy(server, conn)
		server.Close()
	})
	defer there.Wait()
	defer conn.Close()
	buffer := make([]byte, 256<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		time.Sleep(b.late)
		if _, err := conn.Write(bytes.ReplaceAll(buffer[:n], []byte(b.old), []byte(b.new))); err != nil {
			return
		}
	}
}

// portOf is the port of an address.
func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// visited returns what a handler answers to a GET.
func visited(h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Body.String()
}
