package redisconn

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// partedHook has the scripts of each hash tag go together. A process knows a handful of tags: that of its namespace, and
// one for each queue and asynq server.
type partedHook struct {
	client redis.UniversalClient
	byTag  sync.Map // *together
}

func (*partedHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*partedHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h *partedHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		script, ok := asScript(cmd)
		if !ok {
			return next(ctx, cmd)
		}
		tag, ok := tagOf(script.Args())
		if !ok {
			return next(ctx, cmd)
		}
		flights, ok := h.byTag.Load(tag)
		if !ok {
			flights, _ = h.byTag.LoadOrStore(tag, &together{client: h.client})
		}
		return flights.(*together).process(ctx, script, next)
	}
}

// tagOf returns the hash tag of a script's first key, and false for a script without keys, or whose key has no tag.
func tagOf(args []any) (string, bool) {
	if len(args) < 4 { // the command, the script, the number of keys, the first key
		return "", false
	}
	key, _ := args[3].(string)
	_, after, _ := strings.Cut(key, "{")
	tag, _, ok := strings.Cut(after, "}")
	return tag, ok && tag != ""
}
