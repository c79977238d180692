package queue_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

// lanes × fetch loops × 5 fetches a second is 20, and twice that for a script that is not loaded. Heartbeats, looks at
// retries and other rounds add some.
const calm = 150

// measured is the time over which commands and connections are counted: a span, not a wait for something.
const measured = time.Second

// relaxed looks for retries as seldom as it does by itself, so that fetches stand out.
func relaxed() queue.Config {
	c := config()
	c.DelayedInterval, c.PickupInterval = 0, 0
	return c
}

// TestRegressionFetchSpinsOnErrors: asynq fetched 48,900 times a second from a Redis that was out of memory.
func TestRegressionFetchSpinsOnErrors(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t, redistest.StartServer(t).Addr)
	done := make(chan string, 1)
	b.serve(t, relaxed(), func(_ context.Context, task queue.Task) error { done <- task.ID; return nil })
	b.enqueue(t, order.Bulk, "before")
	await(t, "a task", done)

	b.rdb.Set(ctx, "filler", strings.Repeat("x", 4<<20), 0)
	if err := b.rdb.ConfigSet(ctx, "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	if err := b.client.Enqueue(ctx, order.Bulk, "lost", nil); err == nil {
		t.Fatal("there is memory left")
	}
	before := commands(t, b.rdb)
	time.Sleep(measured)
	n := commands(t, b.rdb) - before
	t.Logf("%d commands in %v", n, measured)
	if n > calm {
		t.Errorf("%d commands in %v, want %d at most", n, measured, calm)
	}

	b.rdb.Del(ctx, "filler")
	b.rdb.ConfigSet(ctx, "maxmemory", "64mb")
	b.enqueue(t, order.Bulk, "after")
	if id := await(t, "a task", done); id != "after" {
		t.Errorf("got %s", id)
	}
}

func commands(t *testing.T, rdb *redis.Client) int {
	t.Helper()
	for line := range strings.Lines(rdb.Info(context.Background(), "stats").Val()) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "total_commands_processed:"); ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("INFO tells no total_commands_processed")
	return 0
}

// TestRegressionFetchSpinsWithoutRedis counts what is dialled while nobody listens.
func TestRegressionFetchSpinsWithoutRedis(t *testing.T) {
	t.Parallel()
	p := redistest.StartServer(t)
	b := newBench(t, p.Addr)
	dials := &dialCounter{opt: b.tap}
	done := make(chan string, 1)
	s := queue.NewServers(dials, relaxed(), func(_ context.Context, task queue.Task) error { done <- task.ID; return nil })
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	before := dials.n.Load()
	time.Sleep(measured)
	n := dials.n.Load() - before
	t.Logf("%d connections were tried in %v", n, measured)
	if n > calm {
		t.Errorf("%d connections were tried in %v, want %d at most", n, measured, calm)
	}
	p.Restart(t)
	b.enqueue(t, order.Bulk, "after")
	if id := await(t, "a task", done); id != "after" {
		t.Errorf("got %s", id)
	}
	if err := s.Shutdown(); err != nil {
		t.Error(err)
	}
}

// dialCounter counts the connections that clients open, or try to.
type dialCounter struct {
	opt asynq.RedisConnOpt
	n   atomic.Int64
}

func (d *dialCounter) MakeRedisClient() any {
	client := d.opt.MakeRedisClient().(redis.UniversalClient)
	client.AddHook(dialHook{d})
	return client
}

type dialHook struct{ *dialCounter }

func (h dialHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		h.n.Add(1)
		return next(ctx, network, addr)
	}
}

func (h dialHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h dialHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
