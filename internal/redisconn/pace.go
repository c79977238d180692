package redisconn

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// fetchPause is how long a fetch that failed waits before it says so.
const fetchPause = 200 * time.Millisecond

// paceFailedFetch keeps asynq's fetch loop from spinning while Redis answers with errors or not at all.
//
// When a fetch fails, asynq v0.26.0 tries the next one at once (processor.go, exec): only an empty queue makes it wait.
// Against a Redis that is out of memory that is tens of thousands of commands a second, of each worker.
type paceFailedFetch struct{}

func (paceFailedFetch) DialHook(next redis.DialHook) redis.DialHook { return next }

func (paceFailedFetch) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") || !IsFetch(cmd) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(fetchPause):
		}
		return err
	}
}

func (paceFailedFetch) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// IsFetch tells the script by which asynq takes a task off a queue by its keys: no other script of its servers asks
// whether the queue is paused (rdb.go, dequeueCmd). Which error it got does not matter.
func IsFetch(cmd redis.Cmder) bool {
	if name := cmd.Name(); name != "evalsha" && name != "eval" {
		return false
	}
	const firstKey = 3 // after the command, the script and the number of keys
	for _, arg := range cmd.Args()[min(firstKey, len(cmd.Args())):] {
		if key, ok := arg.(string); ok && strings.HasPrefix(key, "asynq:{") && strings.HasSuffix(key, "}:paused") {
			return true
		}
	}
	return false
}
