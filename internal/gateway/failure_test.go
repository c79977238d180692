package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/merchant"
)

// hang blocks a handler until the test is over.
func hang(t *testing.T) chan struct{} {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	return over
}

func hijack(t *testing.T, w http.ResponseWriter) *net.TCPConn {
	t.Helper()
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return nil
	}
	return conn.(*net.TCPConn)
}

func TestAnswerNeverComes(t *testing.T) {
	for name, c := range map[string]struct {
		code  string
		serve func(w http.ResponseWriter, over chan struct{})
	}{
		"no headers": {"timeout", func(_ http.ResponseWriter, over chan struct{}) { <-over }},
		"half a body": {"timeout", func(w http.ResponseWriter, over chan struct{}) {
			io.WriteString(w, pageAnswer[:50])
			w.(http.Flusher).Flush()
			<-over
		}},
		"half a header": {"timeout", func(w http.ResponseWriter, over chan struct{}) {
			conn := hijack(t, w)
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nConte")
			<-over
		}},
		"reset": {"connection_reset", func(w http.ResponseWriter, _ chan struct{}) {
			conn := hijack(t, w)
			conn.SetLinger(0)
			conn.Close()
		}},
		"closed": {"connection_closed", func(w http.ResponseWriter, _ chan struct{}) { hijack(t, w).Close() }},
		"not HTTP": {"connection_failed", func(w http.ResponseWriter, _ chan struct{}) {
			conn := hijack(t, w)
			defer conn.Close()
			io.WriteString(conn, "220 mail.example.com ESMTP\r\n")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			over := make(chan struct{})
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				c.serve(w, over)
			})
			defer close(over) // before the server's Close, which waits for handlers
			p := profile(t, s.URL)
			p.Timeout = 200 * time.Millisecond
			a := newClient(t).Generate(context.Background(), p, pageOrder())
			status := 0
			if name == "half a body" {
				status = 200
			}
			expect(t, a, gateway.Uncertain, c.code, status, true)
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	defer close(over)
	s := serve(t, func(http.ResponseWriter, *http.Request) { cancel(); <-over })
	a := newClient(t).Generate(ctx, profile(t, s.URL), pageOrder())
	expect(t, a, gateway.Uncertain, "cancelled", 0, true)
	a = newClient(t).Generate(ctx, profile(t, s.URL), pageOrder())
	expect(t, a, gateway.Unavailable, "cancelled", 0, false)
}

func TestErrorStatusCountsWhateverBecomesOfItsBody(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(422)
		w.(http.Flusher).Flush()
		<-over
	})
	p := profile(t, s.URL)
	p.Timeout = 200 * time.Millisecond
	a := newClient(t).Generate(context.Background(), p, pageOrder())
	expect(t, a, gateway.Rejected, "http_422", 422, true)
}

func TestSwitchingProtocolsIsAnOddity(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	a := ask(t, func(w http.ResponseWriter, r *http.Request) {
		conn := hijack(t, w)
		go func() { <-over; conn.Close() }()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	})
	expect(t, a, gateway.Uncertain, "http_101", 101, true)
}

func gzipped(t *testing.T, content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSizeOfAnswer(t *testing.T) {
	largest := pageAnswer + strings.Repeat(" ", gateway.MaxBody-len(pageAnswer))
	zipped := gzipped(t, []byte(pageAnswer))
	gzipHeader := http.Header{"Content-Encoding": {"gzip"}}
	for name, c := range map[string]struct {
		header  http.Header
		body    string
		outcome gateway.Outcome
		code    string
	}{
		"largest":        {nil, largest, gateway.Issued, "http_200"},
		"too large":      {nil, largest + " ", gateway.Uncertain, "unreadable"},
		"gzip":           {gzipHeader, string(zipped), gateway.Issued, "http_200"},
		"gzip damaged":   {gzipHeader, string(zipped[:len(zipped)-9]), gateway.Uncertain, "unreadable"},
		"not gzip":       {gzipHeader, pageAnswer, gateway.Uncertain, "unreadable"},
		"gzip bomb":      {gzipHeader, string(gzipped(t, make([]byte, 16<<20))), gateway.Uncertain, "unreadable"},
		"shorter by one": {http.Header{"Content-Length": {strconv.Itoa(len(pageAnswer) + 1)}}, pageAnswer, gateway.Uncertain, "unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, ask(t, answering(200, c.header, c.body)), c.outcome, c.code, 200, true)
		})
	}
}

// endless is a body without end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 2*gateway.MaxBody {
		return 0, errors.New("read far beyond the bound")
	}
	return copy(p, bytes.Repeat([]byte{' '}, len(p))), nil
}

func TestBodyIsReadToItsBoundOnly(t *testing.T) {
	body := new(endless)
	a := gateway.Read(profile(t, "https://gateway.example"), pageOrder(),
		&http.Response{StatusCode: 200, Body: io.NopCloser(body)})
	expect(t, a, gateway.Uncertain, "unreadable", 200, true)
	if !strings.Contains(a.Message, "larger") {
		t.Errorf("message %q", a.Message)
	}
}

func TestConnectionRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	a := newClient(t).Generate(context.Background(), profile(t, "http://"+listener.Addr().String()), pageOrder())
	expect(t, a, gateway.Unavailable, "connection_refused", 0, false)
}

func TestNoConnection(t *testing.T) {
	dnsError := func(timeout bool) error {
		return &net.OpError{Op: "dial", Err: &net.DNSError{Err: "x", Name: "secret.example", IsTimeout: timeout, IsNotFound: !timeout}}
	}
	for name, c := range map[string]struct {
		outcome gateway.Outcome
		code    string
		err     error // nil: the dial hangs
	}{
		"dial hangs":      {gateway.Unavailable, "dial_timeout", nil},
		"host not found":  {gateway.Misconfigured, "dns", dnsError(false)},
		"resolver silent": {gateway.Unavailable, "dns_timeout", dnsError(true)},
		"no route":        {gateway.Unavailable, "unreachable", &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}},
		"anything else":   {gateway.Unavailable, "connection_failed", errors.New("https://user:secret@host/?q")},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t)
			client.DialWith(func(ctx context.Context, _, _ string) (net.Conn, error) {
				if c.err != nil {
					return nil, c.err
				}
				<-ctx.Done()
				return nil, ctx.Err()
			})
			p := profile(t, "https://gateway.example/api/v1")
			p.Timeout = 50 * time.Millisecond
			a := client.Generate(context.Background(), p, pageOrder())
			expect(t, a, c.outcome, c.code, 0, false)
			if strings.Contains(a.Message, "secret") {
				t.Errorf("message %q", a.Message)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	for set, want := range map[time.Duration]time.Duration{0: merchant.DefaultTimeout, 3 * time.Second: 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t)
			client.DialWith(func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
			p := profile(t, "http://gateway.example")
			p.Timeout = set
			start := time.Now()
			a := client.Generate(context.Background(), p, pageOrder())
			expect(t, a, gateway.Unavailable, "dial_timeout", 0, false)
			if took := time.Since(start); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
		})
	}
}
