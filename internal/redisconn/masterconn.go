package redisconn

import (
	"net"
	"syscall"
)

// keep takes note of a connection to the master, until it is closed.
func (s *sentinels) keep(conn net.Conn, addr string) (net.Conn, error) {
	kept := &masterConn{Conn: conn, of: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr != s.now.addr { // while it was made, another one became the master
		conn.Close()
		return nil, errReplica
	}
	s.conns[kept] = addr
	return kept.checkable(), nil
}

// masterConn is a connection to the master.
type masterConn struct {
	net.Conn
	of *sentinels
}

// Close implements net.Conn.
func (c *masterConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// checkable shows go-redis the socket, where there is one to see, so that it can tell whether a connection that was idle is
// still alive.
func (c *masterConn) checkable() net.Conn {
	socket, ok := c.Conn.(syscall.Conn)
	if !ok {
		return c
	}
	return struct {
		*masterConn
		syscall.Conn
	}{c, socket}
}
