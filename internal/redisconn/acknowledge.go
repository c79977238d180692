package redisconn

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// lateBound bounds a command whose own context is over.
const lateBound = 10 * time.Second

// detachFinished lets a command go on whose context is over before it begins.
//
// When an acknowledgement (done, retry, archive) fails once, asynq v0.26.0 hands it to its syncer for another try, but
// with the context that the first try has cancelled on its way out (processor.go, markAsDone and its siblings). So no
// second try ever reaches Redis, and a task that succeeded runs again minutes later. A context that is still alive is
// left alone, so that callers keep their own bounds.
type detachFinished struct{}

func (detachFinished) DialHook(next redis.DialHook) redis.DialHook { return next }

func (detachFinished) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, cancel := alive(ctx)
		defer cancel()
		return next(ctx, cmd)
	}
}

func (detachFinished) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, cancel := alive(ctx)
		defer cancel()
		return next(ctx, cmds)
	}
}

func alive(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), lateBound)
}
