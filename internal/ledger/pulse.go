package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

const (
	// PulseInterval is how often a worker is to call Beat.
	PulseInterval = time.Second
	// silence is how long a worker must have given no sign of life, watched all the while, to be
	// counted as dead.
	silence = 4 * time.Second
	// watched is how many beats of our own must have succeeded in that time: while Redis was away,
	// nobody could give a sign of life.
	watched = 4
)

// Pulse is the sign of life of one worker, and its watch over the others. A worker that is dead
// is known to be long before its leases run out, and its orders need not wait for that.
type Pulse struct {
	l    *Ledger
	id   string
	seen map[string]sighting
}

type sighting struct {
	last  string    // its last sign of life, as Redis has it
	since time.Time // since when, by our own clock, there was no other
	beats int       // how often we have looked since
}

// Pulse returns the pulse of the worker that the ledger is for.
func (l *Ledger) Pulse() *Pulse { return &Pulse{l: l, id: l.worker, seen: map[string]sighting{}} }

// WorkerSeen reports whether any worker has given a sign of life lately.
func (l *Ledger) WorkerSeen(ctx context.Context) (bool, error) {
	pipe := l.rdb.Pipeline()
	now, latest := redisconn.ClockIn(ctx, pipe, l.keys.Workers()), pipe.ZRevRangeWithScores(ctx, l.keys.Workers(), 0, 0)
	if _, err := pipe.Exec(ctx); err != nil {
		return false, fmt.Errorf("ledger: workers: %w", err)
	}
	at, err := now()
	all := latest.Val()
	return err == nil && len(all) > 0 && at.Sub(time.UnixMilli(int64(all[0].Score))) < 2*silence, err
}

// Beat gives a sign of life, and ends the leases of workers that have given none for long enough.
// It returns the ids of those that it found dead.
func (p *Pulse) Beat(ctx context.Context) ([]string, error) {
	items, err := p.l.scripts.beat.Run(ctx, p.l.rdb, []string{p.l.keys.Workers()}, p.id).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("ledger: beat: %w", err)
	}
	now, seen := time.Now(), make(map[string]sighting, len(items)/2)
	var dead []string
	for i := 0; i < len(items); i += 2 {
		id, last := items[i], items[i+1]
		s := p.seen[id]
		if s.last != last {
			s = sighting{last: last, since: now}
		}
		s.beats++
		seen[id] = s
		if now.Sub(s.since) < silence || s.beats <= watched {
			continue
		}
		buried, err := p.bury(ctx, id, last)
		if err != nil {
			return dead, fmt.Errorf("ledger: bury: %w", err)
		}
		if buried {
			dead = append(dead, id)
		}
	}
	p.seen = seen
	return dead, nil
}

// bury ends the leases of a dead worker. To find them takes a look at all orders that are being
// sent: that many, and only when a worker has died.
func (p *Pulse) bury(ctx context.Context, id, last string) (bool, error) {
	args := []any{id, last}
	for _, lane := range []order.Lane{order.Interactive, order.Bulk, Mailing} {
		members, err := p.l.rdb.ZRange(ctx, p.l.keys.Sending(lane), 0, -1).Result()
		if err != nil {
			return false, err
		}
		holders, err := p.holders(ctx, members)
		if err != nil {
			return false, err
		}
		for i, holder := range holders {
			if holder == id {
				args = append(args, members[i])
			}
		}
	}
	return p.l.scripts.bury.Run(ctx, p.l.rdb, []string{
		p.l.keys.Workers(), p.l.keys.Sending(order.Interactive), p.l.keys.Sending(order.Bulk), p.l.keys.Sending(Mailing),
	}, args...).Bool()
}

// holders reads which worker holds each of the orders.
func (p *Pulse) holders(ctx context.Context, members []string) ([]string, error) {
	pipe := p.l.rdb.Pipeline()
	for _, m := range members {
		key, err := order.ParseKey(m)
		if err != nil {
			return nil, err
		}
		pipe.HMGet(ctx, p.l.keys.Record(key), "by")
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return nil, err
	}
	holders := make([]string, len(cmds))
	for i, cmd := range cmds {
		holders[i], _ = cmd.(interface{ Val() []any }).Val()[0].(string)
	}
	return holders, nil
}

// End takes the worker off the list: it holds no lease any more.
func (p *Pulse) End(ctx context.Context) error {
	if err := p.l.rdb.ZRem(ctx, p.l.keys.Workers(), p.id).Err(); err != nil {
		return fmt.Errorf("ledger: end of pulse: %w", err)
	}
	return nil
}
