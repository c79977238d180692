package mail

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/merchant"
)

// The server cannot have seen the end of an email if a write failed, so that is no unknown outcome.
func TestWhatDidNotGoOutWasNotTaken(t *testing.T) {
	here, there := net.Pipe()
	w := &wire{Conn: here}
	go io.ReadFull(there, make([]byte, 2))
	if _, err := w.Write([]byte("ok")); err != nil || !w.wroteAll() {
		t.Fatalf("%v, wrote all %v", err, w.wroteAll())
	}
	there.Close()
	if _, err := w.Write([]byte("\r\n.\r\n")); err == nil || w.wroteAll() {
		t.Fatalf("%v, wrote all %v", err, w.wroteAll())
	}
	for cutOff, want := range map[bool]Outcome{true: Retry, false: Unknown} {
		f := fault{stage: ending, err: io.EOF, cutOff: cutOff}
		if a := f.answer(t.Context(), words{&Message{}, &target{}, merchant.Secret{}}); a.Outcome != want {
			t.Errorf("cut off %v: %+v", cutOff, a)
		}
	}
}

// The end of one email's time must not end the next one's.
func TestAnEmailsEndIsItsOwn(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	w := &wire{Conn: here}
	first, cancel := context.WithCancel(t.Context())
	w.attach(first)
	w.detach()
	w.attach(t.Context())
	cancel()
	w.allow(time.Minute)
	go there.Write([]byte("x"))
	if _, err := w.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	w.detach()

	second, cancel := context.WithCancel(t.Context())
	w.attach(second)
	cancel()
	if _, err := w.Read(make([]byte, 1)); err == nil {
		t.Error("a cancelled email goes on")
	}
	w.allow(time.Minute)
	if _, err := w.Read(make([]byte, 1)); err == nil {
		t.Error("a cancelled email got more time")
	}
	w.detach()
}
