package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
)

// TestRegressionAbandonedGroupIsCalledBehind: the result stream grew for ever behind a group that nobody reads for any
// more, and nobody was told.
func TestRegressionAbandonedGroupIsCalledBehind(t *testing.T) {
	var out bytes.Buffer
	b, err := Open(ctx, "redis://"+redistest.Server(t), "hpp", time.Hour, slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stream, begin := b.Ledger.Keys().Results(), time.Now()
	b.Redis.Client().XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: "1-1", Values: []string{"type", "link.issued"}})
	if _, err := b.Results.Join(ctx, "abandoned", "one"); err != nil {
		t.Fatal(err)
	}
	said := map[string]time.Time{}
	for minute := range 121 { // two hours and a minute
		b.trimOnce(ctx, begin.Add(time.Duration(minute)*time.Minute), said)
	}
	if n := strings.Count(out.String(), "level=WARN"); n != 3 || strings.Count(out.String(), "group=abandoned") != n {
		t.Errorf("%d warnings: %s", n, out.String())
	}
	b.Redis.Client().XGroupDestroy(ctx, stream, "abandoned")
	b.trimOnce(ctx, begin, map[string]time.Time{})
	if n := b.Redis.Client().XLen(ctx, stream).Val(); n != 0 || strings.Count(out.String(), "level=WARN") != 3 {
		t.Errorf("%d entries are left: %s", n, out.String())
	}
}
