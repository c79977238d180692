package mail_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/hpplink/hpplink/internal/mail"
)

func TestConnectionsAreReusedWithinLimits(t *testing.T) {
	srv := serve(t, script{})
	s := sender(t, mail.Config{URL: "smtp://" + srv.address, Connections: 3, Mails: 10})
	m := write(t, mail.SampleLetter(""))
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for range 10 {
				if a := s.Send(t.Context(), m); a.Outcome != mail.Sent {
					t.Errorf("%+v", a)
				}
			}
		})
	}
	wg.Wait()
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if len(srv.mails) != 120 || srv.connections < 12 || srv.connections > 15 {
		t.Errorf("%d emails by %d connections", len(srv.mails), srv.connections)
	}
	for _, n := range srv.perConn {
		if n > 10 {
			t.Errorf("%d emails on one connection", n)
		}
	}
}

func TestARefusedEmailDoesNotCostTheConnection(t *testing.T) {
	refuse := true
	srv := serve(t, script{rcpt: func() error {
		if refuse {
			return fails(550, smtp.EnhancedCode{5, 1, 1}, "no")()
		}
		return nil
	}})
	s := sender(t, mail.Config{URL: "smtp://" + srv.address})
	first := s.Send(t.Context(), write(t, mail.SampleLetter("")))
	refuse = false
	second := s.Send(t.Context(), write(t, mail.SampleLetter("")))
	if first.Outcome != mail.Refused || second.Outcome != mail.Sent || srv.connections != 1 {
		t.Errorf("%+v, %+v, %d connections", first, second, srv.connections)
	}
}

// A server may close what is not used; nobody should notice.
func TestAStaleConnectionIsReplaced(t *testing.T) {
	var last net.Conn
	srv := serve(t, script{end: func(c net.Conn) error { last = c; return nil }})
	s := sender(t, mail.Config{URL: "smtp://" + srv.address})
	first := s.Send(t.Context(), write(t, mail.SampleLetter("")))
	reset(last)
	second := s.Send(t.Context(), write(t, mail.SampleLetter("")))
	if first.Outcome != mail.Sent || second.Outcome != mail.Sent || srv.connections != 2 {
		t.Errorf("%+v, %+v, %d connections", first, second, srv.connections)
	}
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	closed := make(chan struct{})
	address := listen(t, func(c net.Conn) {
		dialogue("220 hi", "EHLO", "250 hi", "MAIL", "250 ok", "RCPT", "250 ok", "DATA", "354 go on", "\r\n.\r\n", "250 ok", "QUIT", "221 bye")(c)
		close(closed)
	})
	s := sender(t, mail.Config{URL: "smtp://" + address, Idle: 20 * time.Millisecond})
	if a := s.Send(t.Context(), write(t, mail.SampleLetter(""))); a.Outcome != mail.Sent {
		t.Fatalf("%+v", a)
	}
	<-closed
}

func TestWaitingForAConnectionEnds(t *testing.T) {
	taken, release := make(chan struct{}), make(chan struct{})
	srv := serve(t, script{mail: func() error { close(taken); <-release; return nil }})
	s := sender(t, mail.Config{URL: "smtp://" + srv.address, Connections: 1})
	m := write(t, mail.SampleLetter(""))
	var wg sync.WaitGroup
	wg.Go(func() { s.Send(context.Background(), m) })
	<-taken
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if a := s.Send(ctx, m); a.Outcome != mail.Retry || a.Code != "busy" {
		t.Errorf("%+v", a)
	}
	close(release)
	wg.Wait()
}

func TestASlowServerIsGivenUp(t *testing.T) {
	for name, talk := range map[string]func(net.Conn){
		"greeting": dialogue("", "never"), "RCPT": dialogue("220 hi", "EHLO", "250 hi", "MAIL", "250 ok", "RCPT", "", "never"),
	} {
		s := sender(t, mail.Config{URL: "smtp://" + listen(t, talk), Timeout: 100 * time.Millisecond})
		if a := s.Send(t.Context(), write(t, mail.SampleLetter(""))); a.Outcome != mail.Retry || a.Code != "timeout" || !strings.Contains(a.Message, name) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestClosed(t *testing.T) {
	srv := serve(t, script{})
	s := sender(t, mail.Config{URL: "smtp://" + srv.address})
	s.Send(t.Context(), write(t, mail.SampleLetter("")))
	s.Close()
	if a := s.Send(t.Context(), write(t, mail.SampleLetter(""))); a.Outcome != mail.Retry || a.Code != "closed" {
		t.Errorf("%+v", a)
	}
}
