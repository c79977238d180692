package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// bellChannel is where enqueueing says that a lane has tasks. Messages are names of lanes.
func bellChannel(namespace string) string { return "{" + namespace + "}:bell" }

// bell wakes the fetchers of a process that found their queue empty. asynq's own way is to look again and again, which
// costs either time or commands: it has no blocking fetch (processor.go, exec).
//
// Our own clients ring after they enqueued. For tasks of others, for retries that are due and for rings that got lost,
// the lookout asks now and then, for all lanes in one round trip.
type bell struct {
	redis     redis.UniversalClient
	namespace string
	interval  time.Duration // of looking at the queues
	ahead     time.Duration // of looking for tasks that wait for their time: asynq's own interval for that
	fetchers  []*fetcher
	log       *slog.Logger
}

// listen wakes fetchers until the context ends.
func (b *bell) listen(ctx context.Context) {
	sub := b.redis.Subscribe(ctx, bellChannel(b.namespace))
	defer sub.Close()
	rings := sub.Channel()
	lookout, ahead := time.NewTicker(b.interval), time.NewTicker(b.ahead)
	defer lookout.Stop()
	defer ahead.Stop()
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
		case <-ahead.C:
			b.lookAhead(ctx)
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
	if len(keys) > 0 && b.exist(ctx, keys) != 0 {
		b.wake("")
	}
}

// lookAhead tells the fetchers whether any task waits for its time.
func (b *bell) lookAhead(ctx context.Context) {
	var keys []string
	for _, f := range b.fetchers {
		queue := Name(b.namespace, f.lane)
		keys = append(keys, scheduledKey(queue), retryKey(queue))
	}
	nothing := b.exist(ctx, keys) == 0
	for _, f := range b.fetchers {
		f.noneDelayed.Store(nothing)
	}
}

// exist returns how many of the keys exist, or -1 when Redis did not answer.
func (b *bell) exist(ctx context.Context, keys []string) int64 {
	n, err := redisconn.CountExisting(ctx, b.redis, keys...)
	if err != nil {
		b.log.Debug("the queues were not looked at", "error", err)
		return -1
	}
	return n
}

// wake wakes the fetchers of a lane, or all for "".
func (b *bell) wake(lane order.Lane) {
	for _, f := range b.fetchers {
		if lane == "" || f.lane == lane {
			f.wake()
		}
	}
}

// bellRope is what is pulled for a lane of a namespace.
type bellRope struct {
	namespace string
	lane      order.Lane
}

// ring says that lanes have tasks. If nobody hears it, the lookouts find them.
func (c *Client) ring(ctx context.Context, ropes map[bellRope]bool) {
	for r := range ropes {
		ring := redis.NewIntCmd(ctx, "publish", bellChannel(r.namespace), string(r.lane))
		ring.SetFirstKeyPos(1) // in a cluster by the node that has the namespace: whoever listens does there
		_ = c.redis.Process(ctx, ring)
	}
}
