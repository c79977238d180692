package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/trim"
)

const (
	keepInterval   = time.Minute
	behindInterval = time.Hour // how often at most a group is called behind
	// silent consumers belong to processes that are gone: a living one is heard of every second.
	silent = time.Hour
)

// keeper keeps the streams, and the list of consumers, from growing for ever.
type keeper struct {
	orders         group
	dead           string // the stream of dead letters
	keep, keepDead time.Duration
	every, silent  time.Duration
	log            *slog.Logger
	said           map[string]time.Time // when each group was called behind
}

func (k *keeper) run(ctx context.Context) {
	for {
		pause(ctx, k.every)
		if ctx.Err() != nil {
			return
		}
		if err := k.tidy(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("the stream of orders was not tidied", "error", err)
		}
	}
}

func (k *keeper) tidy(ctx context.Context) error {
	return errors.Join(k.trim(ctx), k.retire(ctx, ""))
}

// trim removes entries that were handled. The group is made sure of first: without it nothing says what was handled.
func (k *keeper) trim(ctx context.Context) error {
	if err := k.orders.create(ctx); err != nil {
		return err
	}
	_, behind, err := trim.Stream(ctx, k.orders.rdb, k.orders.stream, k.keep)
	k.callBehind(behind, time.Now())
	_, _, errDead := trim.Stream(ctx, k.orders.rdb, k.dead, k.keepDead)
	return errors.Join(err, errDead)
}

func (k *keeper) callBehind(groups []string, now time.Time) {
	for _, name := range groups {
		if last, known := k.said[name]; known && now.Sub(last) < behindInterval {
			continue
		}
		k.said[name] = now
		k.log.Warn("a consumer group has not finished old entries of the stream of orders, so they are kept",
			"group", name, "stream", k.orders.stream, "older_than", k.keep.String())
	}
}

// leave removes this process's own consumer, unless it still holds something.
func (k *keeper) leave(ctx context.Context) {
	if err := k.retire(ctx, k.orders.consumer); err != nil {
		k.log.Debug("the consumer was not removed; others do it later", "error", err)
	}
}

func (k *keeper) retire(ctx context.Context, consumer string) error {
	err := retireScript.Run(ctx, k.orders.rdb, []string{k.orders.stream}, Group, k.silent.Milliseconds(), consumer).Err()
	if err != nil && !errors.Is(err, redis.Nil) && !isGone(err) {
		return fmt.Errorf("stream: retire: %w", err)
	}
	return nil
}
