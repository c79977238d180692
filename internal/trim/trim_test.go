package trim_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/trim"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

const stream = "{hpp}:s"

var ctx = context.Background()

func each(t *testing.T, f func(t *testing.T, rdb *redis.Client)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) { f(t, redistest.Client(t, addr)) })
}

func add(t *testing.T, rdb *redis.Client, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: id, Values: []string{"a", "b"}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func wantTrimmed(t *testing.T, rdb *redis.Client, want int64, behind ...string) {
	t.Helper()
	n, got, err := trim.Stream(ctx, rdb, stream, time.Hour)
	if err != nil || n != want || !slices.Equal(got, behind) {
		t.Errorf("trimmed %d, behind %q (%v); want %d, %q", n, got, err, want, behind)
	}
}

func TestWithoutGroupsAgeDecides(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		wantTrimmed(t, rdb, 0)
		if rdb.Exists(ctx, stream).Val() != 0 {
			t.Error("made a stream")
		}
		add(t, rdb, "1-1", "2-1", "*")
		wantTrimmed(t, rdb, 2)
		wantTrimmed(t, rdb, 0)
	})
}

// TestRegressionIdsThatProducersChoose: ids beyond 63 bits, which Redis takes, once ended all trimming.
func TestRegressionIdsThatProducersChoose(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		add(t, rdb, "1-18446744073709551615", "2-1", "*", "18446744073709551614-18446744073709551615")
		rdb.XGroupCreate(ctx, stream, "g", "0")
		wantTrimmed(t, rdb, 0, "g")
		read := func(count int64) (ids []string) {
			args := &redis.XReadGroupArgs{Group: "g", Consumer: "one", Streams: []string{stream, ">"}, Count: count, Block: -1}
			for _, m := range rdb.XReadGroup(ctx, args).Val()[0].Messages {
				ids = append(ids, m.ID)
			}
			return ids
		}
		rdb.XAck(ctx, stream, "g", read(1)...)
		wantTrimmed(t, rdb, 1, "g")
		rdb.XAck(ctx, stream, "g", read(10)...)
		wantTrimmed(t, rdb, 1)
	})
}

func TestFailureNamesTheStream(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		rdb.Set(ctx, stream, "no stream", 0)
		if _, _, err := trim.Stream(ctx, rdb, stream, time.Hour); err == nil {
			t.Error("trimmed a string")
		}
	})
}
