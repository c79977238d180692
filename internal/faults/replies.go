//go:build faults

package faults

import (
	"bytes"
	"net"
	"regexp"
	"sync"
	"testing"
)

// verdict is what becomes of a request and its reply.
type verdict int

const (
	pass        verdict = iota
	loseReply           // Redis does it, and the connection ends before it can say so
	loseRequest         // the connection ends before Redis hears of it
)

// interceptor leads to Redis and loses what its judge says. It looks at whole reads, which is good
// enough: a connection of the program's carries one command, or one pipeline, at a time, and waits
// for its reply; only requests above 64 KiB would come in several.
type interceptor struct {
	upstream string
	judge    func(script string, request []byte) verdict
	ln       net.Listener

	mu    sync.Mutex
	conns map[net.Conn]bool
	wait  sync.WaitGroup
	lost  map[string]int // by script: how often the judge's word was carried out
}

func intercept(t *testing.T, upstream string, judge func(script string, request []byte) verdict) *interceptor {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &interceptor{upstream: upstream, judge: judge, ln: ln, conns: map[net.Conn]bool{}, lost: map[string]int{}}
	p.wait.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *interceptor) addr() string { return p.ln.Addr().String() }

func (p *interceptor) accept() {
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.upstream)
		if err != nil {
			client.Close()
			continue
		}
		c := &interception{interceptor: p, client: client, server: server}
		p.keep(client, server)
		p.wait.Go(c.requests)
		p.wait.Go(c.replies)
	}
}

func (p *interceptor) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
}

func (p *interceptor) close() {
	p.ln.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wait.Wait()
}

func (p *interceptor) count(script string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost[script]++
}

// losses returns how often something of each script was lost.
func (p *interceptor) losses() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for s, n := range p.lost {
		out[s] = n
	}
	return out
}

// interception is one connection.
type interception struct {
	*interceptor
	client, server net.Conn

	lock sync.Mutex
	drop string // the script whose reply is to be lost
}

func (c *interception) end() {
	c.client.Close()
	c.server.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, c.client)
	delete(c.conns, c.server)
}

// scriptCall finds the hash of a script in a request; scripts sent in full follow a NOSCRIPT and are let through.
var scriptCall = regexp.MustCompile(`(?i)\r\nevalsha\r\n\$40\r\n([0-9a-f]{40})\r\n`)

func (c *interception) requests() {
	defer c.end()
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.client.Read(buffer)
		if err != nil {
			return
		}
		if m := scriptCall.FindSubmatch(buffer[:n]); m != nil {
			switch script := string(m[1]); c.judge(script, buffer[:n]) {
			case loseRequest:
				c.count(script)
				return
			case loseReply:
				c.lose(script)
			}
		}
		if _, err := c.server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (c *interception) lose(script string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.drop = script
}

func (c *interception) replies() {
	defer c.end()
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.server.Read(buffer)
		if err != nil {
			return
		}
		c.lock.Lock()
		drop := c.drop
		c.drop = ""
		c.lock.Unlock()
		if drop != "" && !bytes.HasPrefix(buffer[:n], []byte("-NOSCRIPT")) {
			c.count(drop)
			return
		}
		if _, err := c.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
