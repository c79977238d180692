package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// countedConn counts what is written to it. httptrace alone would not do: its
// WroteHeaders comes when the headers are in a buffer, written or not.
type countedConn struct {
	net.Conn
	written atomic.Int64
}

// Write counts before it writes and corrects afterwards, so that the count is
// never too low while another goroutine looks.
func (c *countedConn) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}

// wire follows one request down to its connection, to tell whether any of it
// was written. The transport's goroutines report to it.
type wire struct {
	mu        sync.Mutex
	conn      *countedConn
	before    int64 // what conn had written before our request
	shared    bool  // the count is not ours alone, or there is none
	handshake error // why TLS could not be set up
}

func (w *wire) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:          w.gotConn,
		TLSHandshakeDone: w.handshakeDone,
	})
}

func (w *wire) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	conn := info.Conn
	for {
		secure, ok := conn.(*tls.Conn)
		if !ok {
			break
		}
		w.shared = w.shared || secure.ConnectionState().NegotiatedProtocol == "h2"
		conn = secure.NetConn()
	}
	counted, ok := conn.(*countedConn)
	if !ok {
		w.shared = true
		return
	}
	w.conn, w.before = counted, counted.written.Load()
}

func (w *wire) handshakeDone(_ tls.ConnectionState, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handshake = err
}

// asked reports whether the gateway may have got a byte of the request. On
// HTTP/1 the transport waits for its writer before it reports a failure, so
// the count is final by then; where the count says nothing, the answer is yes.
func (w *wire) asked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shared || w.conn != nil && w.conn.written.Load() > w.before
}

func (w *wire) handshakeError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.handshake
}
