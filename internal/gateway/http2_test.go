package gateway_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway"
)

// serveHTTP2 starts a TLS server that speaks HTTP/2 and a client trusting it.
func serveHTTP2(t *testing.T, prepare func(*httptest.Server)) (*httptest.Server, *gateway.Client) {
	s := serveTLS(t, func(s *httptest.Server) {
		s.EnableHTTP2 = true
		prepare(s)
	})
	client := newClient(t)
	trust(client, s)
	return s, client
}

func TestHTTP2(t *testing.T) {
	s, client := serveHTTP2(t, func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				t.Errorf("protocol %s", r.Proto)
			}
			answering(200, nil, pageAnswer)(w, r)
		})
	})
	var calls sync.WaitGroup
	for range 300 { // more than streams or connections are allowed
		calls.Go(func() {
			a := client.Generate(context.Background(), profile(t, s.URL), pageOrder())
			expect(t, a, gateway.Issued, "http_200", 200, true)
		})
	}
	calls.Wait()
}

// TestHTTP2DoesNotRepeat ends streams with the errors after which net/http
// sends a request again if it can rewind the body.
func TestHTTP2DoesNotRepeat(t *testing.T) {
	const rstStream, goAway = 3, 7
	for name, end := range map[string]func(stream uint32) []byte{
		"REFUSED_STREAM": func(stream uint32) []byte { return frame(rstStream, stream, 0, 0, 0, 7) },
		"PROTOCOL_ERROR": func(stream uint32) []byte { return frame(rstStream, stream, 0, 0, 0, 1) },
		"GOAWAY":         func(uint32) []byte { return frame(goAway, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			var posts atomic.Int64
			s, client := serveHTTP2(t, func(s *httptest.Server) {
				s.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
					"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) { endStreams(conn, &posts, end) },
				}
			})
			a := client.Generate(context.Background(), profile(t, s.URL), pageOrder())
			expect(t, a, gateway.Uncertain, "connection_failed", 0, true)
			if posts.Load() != 1 {
				t.Errorf("%d POSTs", posts.Load())
			}
		})
	}
}

// TestHTTP2CountsAsAsked: a connection shared with other calls does not tell
// whose bytes it has written, so a failure on it is never taken for harmless.
func TestHTTP2CountsAsAsked(t *testing.T) {
	s, client := serveHTTP2(t, func(*httptest.Server) {})
	var dead atomic.Bool
	client.DialWith(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &mortalConn{Conn: conn, dead: &dead}, err
	})
	a := client.Generate(context.Background(), profile(t, s.URL), pageOrder())
	expect(t, a, gateway.Issued, "http_200", 200, true)
	dead.Store(true)
	a = client.Generate(context.Background(), profile(t, s.URL), pageOrder())
	expect(t, a, gateway.Uncertain, "connection_reset", 0, true)
}

// mortalConn refuses every write once it is dead.
type mortalConn struct {
	net.Conn
	dead *atomic.Bool
}

func (c *mortalConn) Write(p []byte) (int, error) {
	if c.dead.Load() {
		return 0, syscall.ECONNRESET
	}
	return c.Conn.Write(p)
}

// frame is an HTTP/2 frame without flags (RFC 9113, section 4.1).
func frame(kind byte, stream uint32, payload ...byte) []byte {
	head := append([]byte{0, 0, byte(len(payload)), kind, 0}, binary.BigEndian.AppendUint32(nil, stream)...)
	return append(head, payload...)
}

// endStreams counts the requests on a connection and ends each when its body
// has come.
func endStreams(conn net.Conn, posts *atomic.Int64, end func(uint32) []byte) {
	const data, headers, settings = 0, 1, 4
	defer conn.Close()
	io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
	conn.Write(frame(settings, 0))
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		size, kind, stream := int64(head[1])<<8|int64(head[2]), head[3], binary.BigEndian.Uint32(head[5:])
		if _, err := io.CopyN(io.Discard, conn, size); err != nil {
			return
		}
		if kind == headers {
			posts.Add(1)
		}
		if kind == data && head[4]&1 != 0 {
			conn.Write(end(stream))
		}
	}
}
