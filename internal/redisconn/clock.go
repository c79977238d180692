package redisconn

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Clock returns the time by the clock of the server that has a key: the nodes of a cluster have one each.
func Clock(ctx context.Context, rdb redis.UniversalClient, key string) (time.Time, error) {
	if _, parted := rdb.(*redis.ClusterClient); !parted {
		return rdb.Time(ctx).Result()
	}
	return timeOf(askTime(ctx, rdb, key))
}

// ClockIn is Clock as one command of a pipeline. What it returns is to be called after the pipeline was executed. Without
// a key, as TIME is, a cluster's client would ask just any node, and one that may be away.
func ClockIn(ctx context.Context, p redis.Pipeliner, key string) func() (time.Time, error) {
	cmd := askTime(ctx, p, key)
	return func() (time.Time, error) { return timeOf(cmd) }
}

func askTime(ctx context.Context, c redis.Scripter, key string) *redis.Cmd {
	return c.Eval(ctx, `return redis.call('TIME')`, []string{key})
}

func timeOf(cmd *redis.Cmd) (time.Time, error) {
	parts, err := cmd.Int64Slice()
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(parts[0], parts[1]*int64(time.Microsecond)), nil
}
