package mail_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
)

// listen returns the address of a server that has this talk with whoever connects, and then resets the connection. Nil:
// nobody listens there.
func listen(t testing.TB, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if talk == nil {
		l.Close()
		return l.Addr().String()
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { talk(conn); reset(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// dialogue says a line, waits for a word, says a line, and so on. It does not say empty ones;
// after a last line it waits for a word that never comes, so that the line is not lost by the reset.
func dialogue(lines ...string) func(net.Conn) {
	return func(conn net.Conn) {
		for i, line := range lines {
			if i%2 == 1 {
				if !await(conn, line) {
					return
				}
			} else if line != "" {
				fmt.Fprint(conn, line+"\r\n")
			}
		}
	}
}

// await reads until the word and the end of its line have come.
func await(conn net.Conn, word string) bool {
	var heard []byte
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return false
		}
		heard = append(heard, buffer[:n]...)
		if bytes.Contains(heard, []byte(word)) && bytes.HasSuffix(heard, []byte("\n")) {
			return true
		}
	}
}
