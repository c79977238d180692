package redisconn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestRegressionRedisAwayFilledTheLog: while Redis was away a worker wrote some seven lines a second, and when it was back, none.
func TestRegressionRedisAwayFilledTheLog(t *testing.T) {
	ctx, p := context.Background(), redistest.StartServer(t)
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	c, err := redisconn.Open(ctx, "redis://:@"+p.Addr, log)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	worker := c.Quiet(log)
	ping := func() error {
		err := c.Client().Ping(ctx).Err()
		if err != nil {
			worker.Warn("no sign of life could be given", "error", errors.Join(errors.New("ledger"), err))
			worker.With("server", 1).Error("asynq: Dequeue error: dial tcp: connection refused")
		}
		return err
	}
	p.Kill()
	for begun := time.Now(); time.Since(begun) < 2*time.Second; {
		if ping() == nil {
			t.Fatal("a dead Redis answers")
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), "level=ERROR msg=\"Redis does not answer: ") ||
		!strings.Contains(out.String(), `why="connection refused"`) {
		t.Errorf("while it is away:\n%s", out.String())
	}
	out.Reset()
	p.Restart(t)
	for begun := time.Now(); ping() != nil; {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("Redis is back, and does not answer")
		}
	}
	worker.Error("asynq: something else", "error", errors.New("of its own"))
	worker.Warn("an email waits", "error", context.DeadlineExceeded)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "level=INFO msg=\"Redis answers again") || !strings.Contains(lines[0], "after=") {
		t.Errorf("once it is back:\n%s", out.String())
	}
}

// TestQuietSaysAllForDebugging: what is not said twice is still there for who looks closer.
func TestQuietSaysAllForDebugging(t *testing.T) {
	ctx, p := context.Background(), redistest.StartServer(t)
	c := open(t, "redis://:@"+p.Addr)
	p.Kill()
	err := c.Client().Ping(ctx).Err()
	var out bytes.Buffer
	c.Quiet(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))).WithGroup("g").Warn("trouble", "error", err)
	if !strings.Contains(out.String(), "level=DEBUG msg=trouble") {
		t.Error(out.String())
	}
}
