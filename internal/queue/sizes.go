package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Size is how many tasks a queue holds, by asynq's states.
type Size struct {
	Pending   int // wait for a worker
	Active    int // are being worked, or were when their worker was killed
	Scheduled int // wait for a time
	Retry     int // wait to be tried again
	Archived  int // were given up, and dropped
	Completed int // are kept although they are done
	Paused    bool
	// Latency is how long the first pending task has waited, by its enqueuer's clock; zero where that is not known.
	Latency time.Duration
}

// Sizes returns the size of the queue of each lane in two round trips, whose cost does not depend on the sizes. asynq's
// inspector tells the same, but at a cost, and without a bound in time.
func Sizes(ctx context.Context, rdb redis.UniversalClient, namespace string, lanes []order.Lane, now time.Time) (map[order.Lane]Size, error) {
	pipe := rdb.Pipeline()
	read, fronts := make([]func() Size, len(lanes)), make([]*redis.StringSliceCmd, len(lanes))
	for i, lane := range lanes {
		queue := Name(namespace, lane)
		read[i], fronts[i] = size(ctx, pipe, queue), pipe.LRange(ctx, pendingKey(queue), -1, -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("reading the sizes of queues: %w", err)
	}
	all := make(map[order.Lane]Size, len(lanes))
	for i, lane := range lanes {
		s := read[i]()
		if ids := fronts[i].Val(); len(ids) > 0 {
			tasks, err := states(ctx, rdb, Name(namespace, lane), ids)
			if err != nil {
				return nil, fmt.Errorf("reading the sizes of queues: %w", err)
			}
			if since := front(ids, tasks).OldestSince; !since.IsZero() {
				s.Latency = max(now.Sub(since), 0)
			}
		}
		all[lane] = s
	}
	return all, nil
}

func size(ctx context.Context, pipe redis.Pipeliner, queue string) func() Size {
	key := func(state string) string { return "asynq:{" + queue + "}:" + state }
	pending, active := pipe.LLen(ctx, key("pending")), pipe.LLen(ctx, key("active"))
	scheduled, retry := pipe.ZCard(ctx, key("scheduled")), pipe.ZCard(ctx, key("retry"))
	archived, completed := pipe.ZCard(ctx, key("archived")), pipe.ZCard(ctx, key("completed"))
	paused := pipe.Exists(ctx, key("paused"))
	return func() Size {
		return Size{
			Pending: int(pending.Val()), Active: int(active.Val()), Scheduled: int(scheduled.Val()), Retry: int(retry.Val()),
			Archived: int(archived.Val()), Completed: int(completed.Val()), Paused: paused.Val() > 0,
		}
	}
}
