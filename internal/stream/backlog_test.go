package stream_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/stream"
)

// (miniredis counts what is under way twice, so what it says is only looked at for whether something waits.)
func TestBacklog(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b, exact := newBench(t, addr), strings.HasSuffix(t.Name(), "/redis")
		want := func(when string, entries int, waits bool) {
			t.Helper()
			got, err := stream.Waiting(ctx, b.rdb, keys.Orders())
			if err != nil || exact && got.Entries != entries || entries > 0 && got.Entries == 0 || got.Since.IsZero() == waits || waits && time.Since(got.Since).Abs() > time.Minute {
				t.Errorf("%s: %+v %v, want %d", when, got, err, entries)
			}
		}
		want("without a stream", 0, false)
		add := func() string {
			return b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Orders(), Values: []string{"order", "{}"}}).Val()
		}
		first := add()
		add()
		want("before there is an intake", 2, true)
		b.rdb.XGroupCreate(ctx, keys.Orders(), stream.Group, "0")
		want("before it took any", 2, true)
		read := func(n int64) {
			b.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: stream.Group, Consumer: "c", Streams: []string{keys.Orders(), ">"}, Count: n})
		}
		read(1)
		want("while it works on one", 2, true)
		b.rdb.XAck(ctx, keys.Orders(), stream.Group, first)
		want("after that one", 1, true)
		read(1)
		want("while it works on the last", 1, false)
		add()
		want("when another comes", 2, true)
	})
}
