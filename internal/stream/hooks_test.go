package stream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// commands sees every command of a client, those in pipelines one by one before the pipeline goes. An error of before
// keeps it from being sent, an error of after takes the place of its reply.
type commands struct {
	before, after func(cmd redis.Cmder) error
}

func (h commands) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := call(h.before, cmd); err != nil {
			cmd.SetErr(err)
			return err
		}
		err := next(ctx, cmd)
		if lost := call(h.after, cmd); lost != nil {
			cmd.SetErr(lost)
			return lost
		}
		return err
	}
}

func (h commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := callAll(h.before, cmds); err != nil {
			return err
		}
		err := next(ctx, cmds)
		if lost := callAll(h.after, cmds); lost != nil {
			return lost
		}
		return err
	}
}

func call(f func(redis.Cmder) error, cmd redis.Cmder) error {
	if f == nil {
		return nil
	}
	return f(cmd)
}

// callAll fails a pipeline as a whole.
func callAll(f func(redis.Cmder) error, cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := call(f, cmd); err != nil {
			for _, each := range cmds {
				each.SetErr(err)
			}
			return err
		}
	}
	return nil
}

var errDead = errors.New("the process is dead")

// mortal lets a client's process die after some commands: with the last of them sent and the reply lost, or not sent.
func mortal(lives int64, sent bool, died func()) redis.Hook {
	var seen atomic.Int64
	var once sync.Once
	die := func(over bool) error {
		if !over {
			return nil
		}
		once.Do(died)
		return errDead
	}
	return commands{
		before: func(redis.Cmder) error {
			n := seen.Add(1)
			return die(n > lives || n == lives && !sent)
		},
		after: func(redis.Cmder) error { return die(seen.Load() >= lives) },
	}
}

// concerns reports whether a command has a key, or another argument.
func concerns(cmd redis.Cmder, text string) bool {
	return slices.ContainsFunc(cmd.Args(), func(arg any) bool { s, ok := arg.(string); return ok && strings.Contains(s, text) })
}

// accepts reports whether a command hands an order to the ledger.
func accepts(cmd redis.Cmder) bool {
	return strings.HasPrefix(cmd.Name(), "eval") && concerns(cmd, "{hpp}:order:")
}

// pipelines sees every pipeline of a client.
type pipelines func(cmds []redis.Cmder)

func (h pipelines) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h pipelines) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h pipelines) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h(cmds)
		return next(ctx, cmds)
	}
}
