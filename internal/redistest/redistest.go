// Package redistest gives tests the kinds of Redis that the project runs on: miniredis inside the test's own
// process, a real redis-server that belongs to the test binary alone, and several of them that take each other's
// place: a master watched by Sentinels, and a cluster.
//
// It knows how to start, flush and stop servers. It knows nothing of what the tests keep in them.
//
// A test binary that uses the shared real server says so in its TestMain, so that the server is stopped:
//
//	func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) } // with a check for leaked goroutines
//
// Tests that share the server flush it, so they do not call t.Parallel.
package redistest

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Each runs f twice: as the sub-test "miniredis", and as the sub-test "redis" against the real server of
// this test binary. Both start empty.
func Each(t *testing.T, f func(t *testing.T, addr string)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) { f(t, Mini(t).Addr()) })
	t.Run("redis", func(t *testing.T) { f(t, Server(t)) })
}

// Mini starts a miniredis that ends with the test. Its clock for expiry stands still until FastForward.
func Mini(t testing.TB) *miniredis.Miniredis {
	t.Helper()
	return miniredis.RunT(t)
}

// Client connects to addr and is closed with the test.
func Client(t testing.TB, addr string) *redis.Client {
	t.Helper()
	rdb := newClient(addr)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func newClient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr:            addr,
		DisableIdentity: true,
		// One command fewer on each new connection, which neither kind of server knows.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

func flush(t testing.TB, addr string) {
	t.Helper()
	rdb := newClient(addr)
	defer rdb.Close()
	if err := rdb.FlushAll(context.Background()).Err(); err != nil {
		t.Fatalf("flushing the Redis of this test binary: %v", err)
	}
}
