package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
)

const (
	drainInterval = time.Second
	probeEntries  = 8 // tried first, where there may be no room

	// drainer is the consumer of waiting entries, the same in every process: whoever drains goes on with what the one
	// before was handed, in order.
	drainer = "drainer"
	// leaseTime is for how long one process drains. Two at a time do no harm, but handle everything twice.
	leaseTime = 5 * time.Second
)

// room takes the entries in that wait because too many of their merchant's orders were open.
type room struct {
	rdb   redis.UniversalClient
	keys  ledger.Keys
	desk  *desk
	open  func(ctx context.Context, merchantID string) (int, error)
	owner string
	every time.Duration
	until time.Time // the lease is ours, at least
	log   *slog.Logger
}

func (r *room) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.drain(ctx); err != nil && ctx.Err() == nil {
			r.log.Debug("waiting orders were not taken in", "error", err)
		}
		pause(ctx, r.every)
	}
	r.release(ctx)
}

// drain takes entries in, a batch of each merchant in turn, until those that are left have no room.
func (r *room) drain(ctx context.Context) error {
	merchants, err := r.rdb.SMembers(ctx, r.keys.WaitingMerchants()).Result()
	if err != nil {
		return fmt.Errorf("stream: waiting merchants: %w", err)
	}
	slices.Sort(merchants)
	for n := probeEntries; len(merchants) > 0 && ctx.Err() == nil; n = batchEntries {
		if mine, err := r.lease(ctx); err != nil || !mine {
			return err
		}
		merchants = slices.DeleteFunc(merchants, func(m string) bool {
			more, stepErr := r.step(ctx, m, n)
			if stepErr != nil {
				err = stepErr
			}
			return !more
		})
	}
	return err
}

// step takes up to n of a merchant's entries in, and reports whether it is worth going on.
func (r *room) step(ctx context.Context, merchantID string, n int) (more bool, err error) {
	late, cancel := finishing(ctx)
	defer cancel()
	g := group{r.rdb, r.keys.Waiting(merchantID), drainer}
	entries, err := front(late, g, n)
	if isGone(err) {
		err = g.create(late)
		return err == nil, err
	}
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		return false, r.clear(late, merchantID)
	}
	n, err = r.fitting(late, merchantID, entries)
	if err != nil || n == 0 {
		return false, err
	}
	left, err := r.desk.handle(late, g, entries[:n])
	return len(left) < n, err
}

// fitting is how many of the first entries there is room for. To hand more to the door would let one overtake another,
// when orders are settled meanwhile. Orders that come in by other ways may still take the room first; the ledger keeps
// the bound.
func (r *room) fitting(ctx context.Context, merchantID string, entries []entry) (int, error) {
	bound, known := r.desk.bound(entries[0])
	if !known {
		return 1, nil // it is going to be refused
	}
	open, err := r.open(ctx, merchantID)
	if err != nil {
		return 0, fmt.Errorf("stream: %w", err)
	}
	return min(len(entries), max(0, bound-open)), nil
}

// front reads the first entries that are not handled: those that were handed out before, then new ones.
func front(ctx context.Context, g group, n int) ([]entry, error) {
	entries, err := g.read(ctx, fromStart, n)
	if err != nil || len(entries) >= n || weight(entries) >= batchBytes { // then there may be more of these
		return entries, err
	}
	more, err := g.read(ctx, fromNew, n-len(entries))
	return append(entries, more...), err
}

func (r *room) clear(ctx context.Context, merchantID string) error {
	keys := []string{r.keys.Waiting(merchantID), r.keys.WaitingMerchants()}
	cleared, err := clearScript.Run(ctx, r.rdb, keys, Group, merchantID).Bool()
	if err != nil {
		return fmt.Errorf("stream: clear: %w", err)
	}
	if cleared {
		r.log.Info("a merchant's orders wait no longer", "merchant", merchantID)
	}
	return nil
}

// lease reports whether this process is the one that drains.
func (r *room) lease(ctx context.Context) (bool, error) {
	if time.Until(r.until) > leaseTime/2 {
		return true, nil
	}
	begin, key := time.Now(), r.leaseKey()
	mine, err := r.rdb.SetNX(ctx, key, r.owner, leaseTime).Result()
	if err == nil && !mine {
		var holder string
		if holder, err = r.rdb.Get(ctx, key).Result(); holder == r.owner {
			mine, err = r.rdb.Expire(ctx, key, leaseTime).Result()
		}
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("stream: lease: %w", err)
	}
	if !mine {
		r.until = time.Time{}
		return false, nil
	}
	r.until = begin.Add(leaseTime)
	return true, nil
}

func (r *room) leaseKey() string { return r.keys.Orders() + ":drainer" }

// release lets another process drain at once.
func (r *room) release(ctx context.Context) {
	if time.Now().After(r.until) {
		return
	}
	late, cancel := finishing(ctx)
	defer cancel()
	if err := r.rdb.Del(late, r.leaseKey()).Err(); err != nil {
		r.log.Debug("the lease on waiting orders was not given back; it runs out", "error", err)
	}
}
