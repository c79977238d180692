package bench

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// reading is what all counters say at one moment.
type reading struct {
	at              time.Time
	done            int
	worker, gateway time.Duration // CPU time
	redis           float64       // CPU time in seconds
	calls           calls         // without those of the benchmark
}

// read takes a reading. done tells how many orders are.
func (l *lab) read(ctx context.Context, worker *process, done func(context.Context) (int, error)) (r reading, err error) {
	if r.done, err = done(ctx); err != nil {
		return r, err
	}
	r.at = time.Now()
	if r.worker, err = cpuOf(worker.pid()); err != nil {
		return r, err
	}
	if r.gateway, err = cpuOf(l.gateway.pid()); err != nil {
		return r, err
	}
	asked := int(l.redis.asked.Load()) // by us until now
	i, err := l.redis.info(ctx, "cpu", "commandstats")
	if err != nil {
		return r, err
	}
	if r.redis, err = i.cpu(); err != nil {
		return r, err
	}
	r.calls, err = i.calls()
	r.calls.all -= asked
	return r, err
}

// done tells how many orders a worker has done: by its results, or, where there are none, as asynq counts.
func (s *server) done(ctx context.Context, results string) (int, error) {
	if results != "" {
		n, err := s.rdb.XLen(ctx, results).Result()
		return int(n), err
	}
	n, err := s.rdb.Get(ctx, "asynq:{"+plainQueue+"}:processed").Int()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return n, err
}

// memory is what Redis uses.
func (s *server) memory(ctx context.Context) (float64, error) {
	i, err := s.info(ctx, "memory")
	if err != nil {
		return 0, err
	}
	return i.number("used_memory")
}

// countAsked is a hook that counts the commands of the benchmark itself.
type countAsked struct{ s *server }

func (c countAsked) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c countAsked) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.s.asked.Add(1)
		return next(ctx, cmd)
	}
}

func (c countAsked) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.s.asked.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}
