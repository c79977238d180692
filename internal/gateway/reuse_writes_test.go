package gateway_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway"
)

// busyConn counts how often the network is troubled.
type busyConn struct {
	net.Conn
	writes, reads *atomic.Int64
}

func (c *busyConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

func (c *busyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.reads.Add(1)
	}
	return n, err
}

// TestACallIsOneWriteAndOneRead: header and body go out together, and come in together if the gateway sends them so.
func TestACallIsOneWriteAndOneRead(t *testing.T) {
	const calls = 20
	s := serve(t, answering(200, nil, pageAnswer))
	var writes, reads atomic.Int64
	client := newClient(t)
	client.DialWith(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &busyConn{conn, &writes, &reads}, err
	})
	for range calls {
		a := client.Generate(context.Background(), profile(t, s.URL), pageOrder())
		expect(t, a, gateway.Issued, "http_200", 200, true)
	}
	if writes.Load() != calls || reads.Load() != calls {
		t.Errorf("%d calls took %d writes and %d reads", calls, writes.Load(), reads.Load())
	}
}
