package gateway_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
)

// serveTLS starts a TLS server that keeps quiet about failed handshakes.
func serveTLS(t *testing.T, prepare func(*httptest.Server)) *httptest.Server {
	s := httptest.NewUnstartedServer(answering(200, nil, pageAnswer))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{}
	prepare(s)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestTLSFailures(t *testing.T) {
	untrusted := serveTLS(t, func(*httptest.Server) {})
	old := serveTLS(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	plain := serve(t, answering(200, nil, pageAnswer))
	for name, c := range map[string]struct {
		address string
		trusted *httptest.Server
	}{
		"untrusted certificate":      {untrusted.URL, nil},
		"another host's certificate": {strings.Replace(untrusted.URL, "127.0.0.1", "localhost", 1), untrusted},
		"TLS 1.1":                    {old.URL, old},
		"no TLS":                     {strings.Replace(plain.URL, "http:", "https:", 1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t)
			if c.trusted != nil {
				trust(client, c.trusted)
			}
			a := client.Generate(context.Background(), profile(t, c.address), pageOrder())
			expect(t, a, gateway.Misconfigured, "tls", 0, false)
		})
	}
}

func trust(client *gateway.Client, s *httptest.Server) {
	client.Trust(s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs)
}

// handshakeWith accepts connections and gives each to f, TLS not begun.
func handshakeWith(t *testing.T, f func(*net.TCPConn)) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f(conn.(*net.TCPConn))
		}
	}()
	return "https://" + listener.Addr().String()
}

func TestHandshakeBrokenOffSentNothing(t *testing.T) {
	over := hang(t)
	for code, f := range map[string]func(*net.TCPConn){
		"dial_timeout": func(c *net.TCPConn) { go func() { <-over; c.Close() }() },
		"connection_closed": func(c *net.TCPConn) {
			io.ReadFull(c, make([]byte, 5))
			c.CloseWrite()
			go func() { <-over; c.Close() }()
		},
		"connection_reset": func(c *net.TCPConn) { io.ReadFull(c, make([]byte, 5)); c.SetLinger(0); c.Close() },
	} {
		t.Run(code, func(t *testing.T) {
			p := profile(t, handshakeWith(t, f))
			p.Timeout = 200 * time.Millisecond
			a := newClient(t).Generate(context.Background(), p, pageOrder())
			expect(t, a, gateway.Unavailable, code, 0, false)
		})
	}
}

func TestEgressProxyConnects(t *testing.T) {
	target := serveTLS(t, func(*httptest.Server) {})
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		in := hijack(t, w)
		io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { io.Copy(out, in); out.Close() }()
		go func() { io.Copy(in, out); in.Close() }()
	})
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t)
	trust(client, target)
	client.Via(address)
	a := client.Generate(context.Background(), profile(t, target.URL), pageOrder())
	expect(t, a, gateway.Issued, "http_200", 200, true)
}

func TestEgressProxyRefuses(t *testing.T) {
	for status, outcome := range map[int]gateway.Outcome{
		407: gateway.Misconfigured, 403: gateway.Misconfigured, 502: gateway.Unavailable,
	} {
		proxy := serve(t, answering(status, nil, ""))
		address, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		client := newClient(t)
		client.Via(address)
		a := client.Generate(context.Background(), profile(t, "https://gateway.example"), pageOrder())
		expect(t, a, outcome, "proxy", 0, false)
	}
}
