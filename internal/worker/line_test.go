package worker_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line is a TCP proxy to Redis that can be cut: then it refuses whoever calls.
type line struct {
	addr, to string
	refused  chan struct{} // has a value for each call while it was cut, until it is full

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
	all   sync.WaitGroup
	l     net.Listener
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &line{addr: l.Addr().String(), to: to, refused: make(chan struct{}, 100), conns: map[net.Conn]bool{}, l: l}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Cut()
		p.all.Wait()
	})
	return p
}

func (p *line) accept() {
	for {
		near, err := p.l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			near.Close()
			continue
		}
		if !p.keep(near, far) {
			near.Close()
			far.Close()
			continue
		}
		p.all.Go(func() { p.pipe(near, far) })
		p.all.Go(func() { p.pipe(far, near) })
	}
}

func (p *line) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		select {
		case p.refused <- struct{}{}:
		default:
		}
		return false
	}
	for _, c := range conns {
		p.conns[c] = true
	}
	return true
}

func (p *line) pipe(to, from net.Conn) {
	io.Copy(to, from)
	to.Close()
	from.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, to)
	delete(p.conns, from)
}

// Cut ends all connections and refuses new ones.
func (p *line) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		c.Close()
	}
}

// Mend lets new connections through.
func (p *line) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// closedAddress is one where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
