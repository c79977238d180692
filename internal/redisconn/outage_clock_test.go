package redisconn

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestOutageIsSaidOnceItLasts: a connection that breaks is made anew in no time, and nobody need know.
func TestOutageIsSaidOnceItLasts(t *testing.T) {
	var out bytes.Buffer
	clock := time.Unix(1000, 0)
	o := outage{log: slog.New(slog.NewTextHandler(&out, nil))}
	saw := func(after time.Duration, err error, lines int) {
		t.Helper()
		clock = clock.Add(after)
		o.saw(err, func() time.Time { return clock })
		if n := strings.Count(out.String(), "\n"); n != lines {
			t.Fatalf("%d lines, want %d:\n%s", n, lines, out.String())
		}
	}
	away := &UnreachableError{Reason: "connection refused"}
	saw(0, nil, 0)
	saw(time.Second, away, 0)
	saw(900*time.Millisecond, away, 0)
	saw(0, redis.Nil, 0) // an answer
	saw(time.Hour, away, 0)
	saw(900*time.Millisecond, away, 0)
	saw(100*time.Millisecond, away, 1)
	saw(time.Hour, away, 1)
	saw(time.Second, context.Canceled, 1) // says nothing about Redis
	saw(time.Second, nil, 2)
	saw(time.Second, nil, 2)
	if !strings.Contains(out.String(), "after=1h0m3s") {
		t.Error(out.String())
	}
}
