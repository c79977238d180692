package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/merchant"
)

// serveCounted counts the connections that are opened.
func serveCounted(t *testing.T, h http.HandlerFunc) (s *httptest.Server, opened *atomic.Int64) {
	opened = new(atomic.Int64)
	s = httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s, opened
}

func TestOneConnectionServesCallsInSequence(t *testing.T) {
	var calls atomic.Int64
	s, opened := serveCounted(t, func(w http.ResponseWriter, r *http.Request) {
		status := []int{200, 400, 500, 302, 204}[calls.Add(1)%5]
		answering(status, nil, pageAnswer)(w, r)
	})
	client := newClient(t)
	for range 200 {
		client.Generate(context.Background(), profile(t, s.URL), pageOrder())
	}
	if calls.Load() != 200 || opened.Load() != 1 {
		t.Errorf("%d calls over %d connections, want 200 over 1", calls.Load(), opened.Load())
	}
}

func TestConcurrentCallsKeepTheirConnections(t *testing.T) {
	const n = 50
	var round sync.WaitGroup // ends when all n calls are at the server
	s, opened := serveCounted(t, func(w http.ResponseWriter, r *http.Request) {
		round.Done()
		round.Wait()
		answering(200, nil, pageAnswer)(w, r)
	})
	client := gateway.New(gateway.Options{Concurrency: n})
	t.Cleanup(client.CloseIdle)
	for range 4 {
		round.Add(n)
		var calls sync.WaitGroup
		for range n {
			calls.Go(func() {
				a := client.Generate(context.Background(), profile(t, s.URL), pageOrder())
				expect(t, a, gateway.Issued, "http_200", 200, true)
			})
		}
		calls.Wait()
	}
	if opened.Load() != n {
		t.Errorf("%d connections, want %d", opened.Load(), n)
	}
}

func TestConnectionsAreCappedByConcurrency(t *testing.T) {
	s, opened := serveCounted(t, answering(200, nil, pageAnswer))
	client := gateway.New(gateway.Options{Concurrency: 3})
	t.Cleanup(client.CloseIdle)
	var calls sync.WaitGroup
	for range 60 {
		calls.Go(func() { client.Generate(context.Background(), profile(t, s.URL), pageOrder()) })
	}
	calls.Wait()
	if opened.Load() > 3 {
		t.Errorf("%d connections, want at most 3", opened.Load())
	}
}

// rawServer reads requests and answers the first on each connection. What
// happens to a second one is up to second. It counts the POSTs of each ref.
type rawServer struct {
	mu    sync.Mutex
	posts map[string]int
}

func (s *rawServer) serve(conn *net.TCPConn, second func(*net.TCPConn, *bufio.Reader)) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	if !s.read(in) {
		return
	}
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(noEcho), noEcho)
	second(conn, in)
}

const noEcho = `{"id":"f49173ce-4916-445c-a831-3c1468acf14e","url":"` + linkURL + `"}`

func (s *rawServer) read(in *bufio.Reader) bool {
	req, err := http.ReadRequest(in)
	if err != nil {
		return false
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts[req.Header.Get("X-Api-Key")]++
	return true
}

// TestKeptAliveConnectionsThatDie lets the server end kept-alive connections
// at each wrong moment. Whatever happens, a call sends its POST once at most,
// and one that says it asked nobody did not ask.
func TestKeptAliveConnectionsThatDie(t *testing.T) {
	s := &rawServer{posts: map[string]int{}}
	reset := func(c *net.TCPConn, _ *bufio.Reader) { c.SetLinger(0) }
	for name, second := range map[string]func(*net.TCPConn, *bufio.Reader){
		"closed after the first":      func(*net.TCPConn, *bufio.Reader) {},
		"reset after the first":       reset,
		"closed at the first byte":    func(_ *net.TCPConn, in *bufio.Reader) { in.Peek(1) },
		"reset at the first byte":     func(c *net.TCPConn, in *bufio.Reader) { in.Peek(1); reset(c, in) },
		"closed after the second":     func(_ *net.TCPConn, in *bufio.Reader) { s.read(in) },
		"reset after the second":      func(c *net.TCPConn, in *bufio.Reader) { s.read(in); reset(c, in) },
		"request read to the headers": func(_ *net.TCPConn, in *bufio.Reader) { http.ReadRequest(in) },
	} {
		t.Run(name, func(t *testing.T) {
			address := handshakeWith(t, func(c *net.TCPConn) { go s.serve(c, second) })
			p := profile(t, "http"+address[len("https"):])
			client := newClient(t)
			for i := range 40 {
				call := fmt.Sprintf("%s/%d", name, i)
				checkOnce(t, s, client, p, call)
			}
		})
	}
}

func TestDeadConnectionFoundBeforeWriting(t *testing.T) {
	for name, c := range map[string]struct {
		passes  int // bytes of the second request that the network takes
		outcome gateway.Outcome
		asked   bool
	}{
		"nothing written": {0, gateway.Unavailable, false},
		"one byte":        {1, gateway.Uncertain, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, opened := serveCounted(t, answering(200, nil, pageAnswer))
			client := newClient(t)
			client.DialWith(func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return &dyingConn{Conn: conn, passes: c.passes}, err
			})
			client.Generate(context.Background(), profile(t, s.URL), pageOrder())
			a := client.Generate(context.Background(), profile(t, s.URL), pageOrder())
			expect(t, a, c.outcome, "connection_reset", 0, c.asked)
			if opened.Load() != 1 {
				t.Errorf("%d connections: the call was repeated", opened.Load())
			}
		})
	}
}

// dyingConn takes one write whole and of the second only some bytes.
type dyingConn struct {
	net.Conn
	writes atomic.Int64
	passes int
}

func (c *dyingConn) Write(p []byte) (int, error) {
	if c.writes.Add(1) == 1 {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:c.passes])
	return n, errors.Join(syscall.ECONNRESET, err)
}

func checkOnce(t *testing.T, s *rawServer, client *gateway.Client, p merchant.Profile, call string) {
	t.Helper()
	p.XAPIKey = merchant.NewSecret(strings.ReplaceAll(call, " ", "_"))
	a := client.Generate(context.Background(), p, pageOrder())
	s.mu.Lock()
	posts := s.posts[p.XAPIKey.Reveal()]
	s.mu.Unlock()
	if posts > 1 || posts > 0 && !a.Asked {
		t.Fatalf("%s: %d POSTs, %+v", call, posts, a)
	}
	want := gateway.Unavailable
	if a.Asked {
		want = gateway.Uncertain
	}
	if a.Outcome != gateway.Issued && a.Outcome != want {
		t.Fatalf("%s: %+v", call, a)
	}
}
