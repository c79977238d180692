package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// bellChannel is where enqueueing says that a lane has tasks. Messages are names of lanes.
func bellChannel(namespace string) string { return "{" + namespace + "}:bell" }

// bell wakes the fetchers of a process that found their queue empty. asynq's own way is to look again and again, which
// costs either time or commands: it has no blocking fetch (processor.go, exec).
//
// Our own clients ring after they enqueued. For tasks of others, for retries that are due and for rings that got lost,
// the lookout asks now and then, for all lanes with one command.
type bell struct {
	redis     redis.UniversalClient
	namespace string
	interval  time.Duration // of the lookout
	fetchers  []*fetcher
	log       *slog.Logger
}

// listen wakes fetchers until the context ends.
func (b *bell) listen(ctx context.Context) {
	sub := b.redis.Subscribe(ctx, bellChannel(b.namespace))
	defer sub.Close()
	rings := sub.Channel()
	lookout := time.NewTicker(b.interval)
	defer lookout.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case ring, ok := <-rings:
			if !ok {
				return
			}
			b.wake(order.Lane(ring.Payload))
		case <-lookout.C:
			b.look(ctx)
		}
	}
}

// look wakes all fetchers that wait if any of their queues has tasks.
func (b *bell) look(ctx context.Context) {
	var keys []string
	for _, f := range b.fetchers {
		if f.waits.Load() {
			keys = append(keys, pendingKey(Name(b.namespace, f.lane)))
		}
	}
	if len(keys) == 0 {
		return
	}
	n, err := b.redis.Exists(ctx, keys...).Result()
	if err != nil {
		b.log.Debug("the queues were not looked at", "error", err)
		return
	}
	if n > 0 {
		b.wake("")
	}
}

// wake wakes the fetchers of a lane, or all for "".
func (b *bell) wake(lane order.Lane) {
	for _, f := range b.fetchers {
		if lane == "" || f.lane == lane {
			f.wake()
		}
	}
}

// ring says that a lane has tasks. If nobody hears it, the lookouts find them.
func (c *Client) ring(ctx context.Context, lanes map[order.Lane]bool) {
	for lane := range lanes {
		_ = c.redis.Publish(ctx, bellChannel(c.namespace), string(lane)).Err()
	}
}
