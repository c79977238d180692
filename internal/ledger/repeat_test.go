package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"

	"github.com/redis/go-redis/v9"
)

// lostReplies is a hook that pretends the reply of a script was lost: the script is run again with the
// same arguments, now and then after Redis has forgotten all scripts. Both answers must be the same.
type lostReplies struct {
	random *rand.Rand
	flush  func() error
	// differed collects answers that changed when a script was run again.
	differed []string
	// off is set around steps that take something new each time they are run, such as Due.
	off bool
}

func (h *lostReplies) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *lostReplies) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil {
			h.again(ctx, cmd, next)
		}
		return err
	}
}

func (h *lostReplies) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		one := func(ctx context.Context, cmd redis.Cmder) error { return next(ctx, []redis.Cmder{cmd}) }
		for _, cmd := range cmds {
			if cmd.Err() == nil {
				h.again(ctx, cmd, one)
			}
		}
		return err
	}
}

func (h *lostReplies) again(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) {
	script, ok := cmd.(*redis.Cmd)
	if !ok || h.off || (cmd.Name() != "evalsha" && cmd.Name() != "eval") || h.random.IntN(2) == 0 {
		return
	}
	args := cmd.Args()
	if h.random.IntN(4) == 0 {
		if err := h.flush(); err != nil {
			h.differed = append(h.differed, err.Error())
		}
	}
	second := redis.NewCmd(ctx, args...)
	if err := next(ctx, second); err != nil {
		second.SetErr(err)
	}
	if redis.HasErrorPrefix(second.Err(), "NOSCRIPT") {
		return // what the ledger does about that is seen at its next call
	}
	if !reflect.DeepEqual(script.Val(), second.Val()) || second.Err() != nil {
		h.differed = append(h.differed, fmt.Sprintf("%v\nfirst:  %v\nsecond: %v %v", args[1], script.Val(), second.Val(), second.Err()))
	}
}
