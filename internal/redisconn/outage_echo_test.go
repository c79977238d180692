package redisconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestRegressionOutageEchoed: on a slow machine asynq came to say that a command had failed for want of Redis when Redis was back
// already, and that filled the log after all.
func TestRegressionOutageEchoed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		o := &outage{log: slog.New(slog.DiscardHandler)}
		log := slog.New(quiet{slog.NewTextHandler(&out, nil), o})
		const echo = "asynq: Failed to forward scheduled tasks: INTERNAL_ERROR: redis eval error: dial tcp 127.0.0.1:40679: connect: connection refused"
		says := func(text string, shown bool) {
			t.Helper()
			out.Reset()
			log.Error(text)
			if got := out.Len() > 0; got != shown {
				t.Errorf("after %v: %q is shown: %v, want %v", time.Since(time.Unix(0, o.over.Load())), text, got, shown)
			}
		}
		says(echo, true) // nothing has ended that could echo
		o.saw(&UnreachableError{}, time.Now)
		time.Sleep(time.Minute)
		says(echo, false)
		says("asynq: something else", false)
		o.saw(nil, time.Now)
		says(echo, false)
		says("asynq: something else", true)
		says("the gateway: dial tcp 127.0.0.1:80: connect: connection refused", true) // it is not about Redis
		time.Sleep(echoes / 2)
		says(echo, false)
		time.Sleep(echoes)
		says(echo, true)
	})
}

// TestTextsOfErrorsThatSpeakOfAway: what is known by its type where it arises is known by its text where that is all there is.
func TestTextsOfErrorsThatSpeakOfAway(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, err := range []error{
		refused, os.NewSyscallError("read", syscall.ECONNRESET), os.NewSyscallError("write", syscall.EPIPE), io.EOF, io.ErrUnexpectedEOF,
		os.ErrDeadlineExceeded, context.DeadlineExceeded, &net.DNSError{Err: "no such host", Name: "redis.example"}, net.ErrClosed,
		redis.ErrPoolTimeout, redis.ErrPoolExhausted, errors.New("LOADING Redis is loading the dataset in memory"), errors.New(noNodes),
		errors.New("READONLY You can't write against a read only replica."), errors.New("MASTERDOWN Link with MASTER is down"),
		errors.New("CLUSTERDOWN The cluster is down"),
	} {
		if text := fmt.Sprintf("Dequeue error: UNKNOWN: redis eval error: %v", err); !speaksOfAway(text) {
			t.Errorf("%q", text)
		}
	}
	for _, text := range []string{"Dequeue error: NOT FOUND", "OOM command not allowed when used memory > 'maxmemory'.", "NOT_FOUND: " + strings.Repeat("x", 100)} {
		if speaksOfAway(text) {
			t.Errorf("%q", text)
		}
	}
}
