package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Keys of asynq v0.26.0 (internal/base/base.go, which can not be imported).
const allQueuesKey = "asynq:queues"

func pendingKey(queue string) string   { return "asynq:{" + queue + "}:pending" }
func retryKey(queue string) string     { return "asynq:{" + queue + "}:retry" }
func scheduledKey(queue string) string { return "asynq:{" + queue + "}:scheduled" }
func activeKey(queue string) string    { return "asynq:{" + queue + "}:active" }
func leaseKey(queue string) string     { return "asynq:{" + queue + "}:lease" }
func taskKey(queue, id string) string  { return "asynq:{" + queue + "}:t:" + id }

// Pending is the front of a queue: the tasks that will be worked next.
type Pending struct {
	Empty bool
	// TaskIDs, the next one first. Tasks that are taken while Backlog looks are left out, so there may be none
	// although the queue was not empty.
	TaskIDs []string
	// OldestSince is when the first of TaskIDs with a known time became pending, by its enqueuer's clock. Tasks that
	// a server handed back have none. It is zero when no time is known.
	OldestSince time.Time
}

// Backlog returns the next n tasks (at least 1) of a lane's queue, in two round trips whose cost depends on n alone.
func Backlog(ctx context.Context, rdb redis.UniversalClient, namespace string, lane order.Lane, n int) (Pending, error) {
	queue := Name(namespace, lane)
	ids, err := rdb.LRange(ctx, pendingKey(queue), int64(-max(n, 1)), -1).Result() // tasks enter at the left
	if err != nil {
		return Pending{}, fmt.Errorf("reading the front of queue %s: %w", queue, err)
	}
	slices.Reverse(ids)
	tasks, err := states(ctx, rdb, queue, ids)
	if err != nil {
		return Pending{}, fmt.Errorf("reading tasks of queue %s: %w", queue, err)
	}
	return front(ids, tasks), nil
}

// states reads the fields state and pending_since of each task.
func states(ctx context.Context, rdb redis.UniversalClient, queue string, ids []string) ([]*redis.SliceCmd, error) {
	tasks := make([]*redis.SliceCmd, len(ids))
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			tasks[i] = p.HMGet(ctx, taskKey(queue, id), "state", "pending_since")
		}
		return nil
	})
	return tasks, err
}

func front(ids []string, tasks []*redis.SliceCmd) Pending {
	p := Pending{Empty: len(ids) == 0}
	for i, id := range ids {
		fields := tasks[i].Val()
		if fields[0] != "pending" {
			continue
		}
		p.TaskIDs = append(p.TaskIDs, id)
		if p.OldestSince.IsZero() {
			p.OldestSince = sinceNano(fields[1])
		}
	}
	return p
}

func sinceNano(field any) time.Time {
	text, _ := field.(string)
	nano, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(0, nano)
}
