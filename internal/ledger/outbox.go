package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
)

const (
	// publishAtMost is how many results go from the outbox to the stream in one step: Redis does nothing else meanwhile.
	publishAtMost = 200
	// outboxLook is how often a publisher looks by itself: for what a process left that was killed.
	outboxLook = time.Second
	// publishFirst and publishLast are the shortest and the longest wait after a round that failed.
	publishFirst, publishLast = 50 * time.Millisecond, time.Second
	// replicasLook is how often a publisher looks who the replicas are.
	replicasLook = time.Second
	// publishEnd is how long the last round may take.
	publishEnd = 3 * time.Second
)

// published wakes this process' publisher.
func (l *Ledger) published() {
	if l.durable == nil {
		return
	}
	select {
	case l.durable.wake <- struct{}{}:
	default:
	}
}

// PublishOutbox takes results that the replicas have from the outbox to the stream of results, in their order, and returns how many. It
// may be done by any number of processes at once: each result is published once, as far as one master goes. Where that dies right
// after, the result may come again under the same event id; it is the same result then.
func (l *Ledger) PublishOutbox(ctx context.Context) (int, error) {
	last, err := l.replicatedUpTo(ctx)
	if err != nil || last == "" {
		return 0, err
	}
	return l.publishUpTo(ctx, last)
}

// replicatedUpTo returns the id of the newest result in the outbox, once the replicas have it and all before it; "" where there is none.
func (l *Ledger) replicatedUpTo(ctx context.Context) (string, error) {
	var newest *redis.XMessageSliceCmd
	err := l.pipelined(ctx, true, func(p redis.Pipeliner) { newest = p.XRevRangeN(ctx, l.keys.Outbox(), "+", "-", 1) })
	if err == nil {
		err = newest.Err()
	}
	if err != nil {
		return "", fmt.Errorf("ledger: outbox: %w", err)
	}
	if len(newest.Val()) == 0 {
		return "", nil
	}
	return newest.Val()[0].ID, nil
}

func (l *Ledger) publishUpTo(ctx context.Context, last string) (int, error) {
	keys := []string{l.keys.Outbox(), l.keys.Results()}
	n, err := l.scripts.publishOutbox.Run(ctx, l.rdb, keys, last, publishAtMost).Int()
	if err != nil {
		return 0, fmt.Errorf("ledger: outbox: %w", err)
	}
	return n, nil
}

// PublishLeft publishes what durable ledgers left in the outbox, without waiting for replicas, and returns how much that was. It is
// for those that are not: where nobody is any more, nobody else would.
func (l *Ledger) PublishLeft(ctx context.Context) (total int, err error) {
	for {
		n, err := l.publishUpTo(ctx, "+")
		if total += n; err != nil || n < publishAtMost {
			return total, err
		}
	}
}

// Publisher publishes what a durable ledger, or another one of its namespace, put into the outbox.
type Publisher struct {
	ledger *Ledger
	log    *slog.Logger
	alone  bool // it was said that replicas do not acknowledge
}

// Publisher returns one that Run brings to life. The ledger has to be durable.
func (l *Ledger) Publisher(log *slog.Logger) *Publisher { return &Publisher{ledger: l, log: log} }

// Run publishes until the context ends, and what there is by then.
func (p *Publisher) Run(ctx context.Context) {
	var looks sync.WaitGroup
	looks.Go(func() { p.look(ctx) })
	defer looks.Wait()
	wait := publishFirst
	for ctx.Err() == nil {
		n, err := p.round(ctx)
		switch {
		case err != nil:
			pause(ctx, wait)
			wait = min(2*wait, publishLast)
			continue
		case n < publishAtMost:
			p.rest(ctx)
		}
		wait = publishFirst
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishEnd)
	defer cancel()
	for {
		if n, err := p.round(last); err != nil || n == 0 {
			return
		}
	}
}

// look sees replicas come and go. While Redis is away there are none to see.
func (p *Publisher) look(ctx context.Context) {
	for ctx.Err() == nil {
		_ = p.ledger.LookForReplicas(ctx)
		pause(ctx, replicasLook)
	}
}

// round publishes, and says once that it can not, and once that it can again.
func (p *Publisher) round(ctx context.Context) (int, error) {
	n, err := p.ledger.PublishOutbox(ctx)
	var alone *redisconn.NotReplicatedError
	switch {
	case errors.As(err, &alone) && !p.alone:
		p.alone = true
		p.log.Error("links are not published and orders not acknowledged: not all replicas of Redis acknowledge; nothing is lost",
			"acknowledged", alone.Have, "replicas", alone.Need, "within", alone.After)
	case err == nil && p.alone:
		p.alone = false
		p.log.Info("the replicas of Redis acknowledge again: links are published")
	case err != nil && alone == nil && ctx.Err() == nil:
		p.log.Warn("links are published later", "error", err)
	}
	return n, err
}

// rest returns when there is, or may be, something in the outbox.
func (p *Publisher) rest(ctx context.Context) {
	ticker := time.NewTicker(outboxLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.ledger.durable.wake:
			return
		case <-ticker.C:
			if n, err := p.ledger.rdb.XLen(ctx, p.ledger.keys.Outbox()).Result(); err != nil || n > 0 {
				return
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
