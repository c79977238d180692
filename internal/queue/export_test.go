package queue

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// IDOf is idOf.
func IDOf(encoded string) (string, error) { return idOf(encoded) }

// FetchAndHandBack takes n tasks as a server does that is stopped before it begins them. It returns their ids, and what the
// server does then.
func FetchAndHandBack(t *testing.T, rdb *redis.Client, namespace string, lane order.Lane, n int) ([]string, func() error) {
	t.Helper()
	f := newFetcher(lane, n, nil)
	f.want = n
	queue := Name(namespace, lane)
	args := []any{"eval", asynqDequeue, 4, pendingKey(queue), "asynq:{" + queue + "}:paused", activeKey(queue), leaseKey(queue),
		time.Now().Add(30 * time.Second).Unix(), taskKey(queue, "")}
	if err := f.fill(context.Background(), redis.NewCmd(context.Background(), args...), rdb.Process); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, encoded := range f.ready {
		id, err := idOf(encoded)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids, func() error { return f.handBack(context.Background(), rdb, namespace) }
}

// FetchBy returns what a server with so many handlers of a pool fetches, one task at a time, nil for none; and what has it stop. It wants
// as many tasks as it may have, and Redis answers so.
func FetchBy(pool *Pool, handlers int, answer func() []any) (fetch func() any, stop func()) {
	f := newFetcher(order.Bulk, handlers, pool)
	f.want = handlers
	hook := f.ProcessHook(func(_ context.Context, cmd redis.Cmder) error {
		cmd.(*redis.Cmd).SetVal(answer())
		return nil
	})
	return func() any {
		ctx := context.Background()
		cmd := redis.NewCmd(ctx, "eval", asynqDequeue, 4, "asynq:{q}:pending", "asynq:{q}:paused", "asynq:{q}:active", "asynq:{q}:lease", 0, "asynq:{q}:t:")
		if err := hook(ctx, cmd); err != nil {
			return nil
		}
		return cmd.Val()
	}, func() { close(f.closed) }
}

// TakeAll takes so many handlers of a pool, which have to become free soon, and no more than these.
func TakeAll(t *testing.T, p *Pool, n int) (giveBack func(int)) {
	t.Helper()
	for late := time.After(2 * time.Second); n > 0; n-- {
		select {
		case <-p.free:
		case <-late:
			t.Fatalf("%d handlers are missing", n)
		}
	}
	if len(p.free) > 0 {
		t.Fatalf("%d handlers too many", len(p.free))
	}
	return p.giveBack
}

// asynqDequeue is asynq v0.26.0's (internal/rdb/rdb.go).
const asynqDequeue = `
if redis.call("EXISTS", KEYS[2]) == 0 then
	local id = redis.call("RPOPLPUSH", KEYS[1], KEYS[3])
	if id then
		local key = ARGV[2] .. id
		redis.call("HSET", key, "state", "active")
		redis.call("HDEL", key, "pending_since")
		redis.call("ZADD", KEYS[4], ARGV[1], id)
		return redis.call("HGET", key, "msg")
	end
end
return nil`

// Free is how many handlers have nothing to do.
func (p *Pool) Free() int { return len(p.free) }
