package results

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// abandoned is how long an event may stay with a consumer that does not acknowledge it
// before another of the group takes it over.
const abandoned = time.Minute

// Group is one consumer's view of a consumer group: the events are shared among the group's
// consumers, and one that is not acknowledged is delivered again.
type Group struct {
	r              *Reader
	name, consumer string
}

// Join joins a consumer group, and creates it, from the first event on, when it is new.
func (r *Reader) Join(ctx context.Context, name, consumer string) (*Group, error) {
	err := r.rdb.XGroupCreateMkStream(ctx, r.stream, name, Start).Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return nil, fmt.Errorf("results: group %q: %w", name, err)
	}
	return &Group{r: r, name: name, consumer: consumer}, nil
}

// Read hands f every event that is this consumer's: first those it was handed before and
// never acknowledged, those that other consumers abandoned, then new ones. An event is
// acknowledged when f returns nil, and only then; so f may see one again after a crash.
// Without follow it ends when no event is left, with follow when the context ends; then it also
// waits, and carries on, while Redis is away.
func (g *Group) Read(ctx context.Context, follow bool, f func(Event) error) error {
	if err := g.unacknowledged(ctx, follow, f); err != nil {
		return err
	}
	taken := time.Time{}
	for ctx.Err() == nil {
		if time.Since(taken) > abandoned/2 {
			taken = time.Now()
			if err := g.takeOver(ctx, follow, f); err != nil {
				return err
			}
		}
		n, err := g.next(ctx, ">", follow, f)
		if err != nil || (n == 0 && !follow) {
			return err
		}
	}
	return nil
}

func (g *Group) unacknowledged(ctx context.Context, follow bool, f func(Event) error) error {
	for ctx.Err() == nil {
		n, err := g.next(ctx, Start, follow, f)
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// next reads one page from a place in the group and returns how many events it held.
func (g *Group) next(ctx context.Context, from string, follow bool, f func(Event) error) (int, error) {
	args := &redis.XReadGroupArgs{
		Group: g.name, Consumer: g.consumer, Streams: []string{g.r.stream, from}, Count: page, Block: -1,
	}
	if follow && from != Start { // what was handed out before is there at once, or not at all
		args.Block = block
	}
	read, err := g.r.rdb.XReadGroup(ctx, args).Result()
	if err != nil {
		return 0, g.unread(ctx, follow, err)
	}
	return len(read[0].Messages), g.handle(ctx, read[0].Messages, f)
}

// unread decides about a failed read: only who follows can wait for Redis, since anybody else
// would take what is not there for the end.
func (g *Group) unread(ctx context.Context, follow bool, err error) error {
	if !follow && !errors.Is(err, redis.Nil) && ctx.Err() == nil {
		return fmt.Errorf("results: %w", err)
	}
	return pause(ctx, err)
}

func (g *Group) takeOver(ctx context.Context, follow bool, f func(Event) error) error {
	cursor := Start
	for {
		entries, next, err := g.r.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: g.r.stream, Group: g.name, Consumer: g.consumer, MinIdle: abandoned, Start: cursor, Count: page,
		}).Result()
		if err != nil {
			return g.unread(ctx, follow, err)
		}
		if err := g.handle(ctx, entries, f); err != nil {
			return err
		}
		if next == "0-0" || ctx.Err() != nil {
			return nil
		}
		cursor = next
	}
}

// handle acknowledges what f handled, in one command, even when f stopped half way.
func (g *Group) handle(ctx context.Context, entries []redis.XMessage, f func(Event) error) error {
	var done []string
	entries, done = present(entries)
	_, err := each(entries, "", func(e Event) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
		done = append(done, e.StreamID)
		return nil
	})
	if len(done) > 0 {
		acked := g.r.rdb.XAck(context.WithoutCancel(ctx), g.r.stream, g.name, done...).Err()
		if err == nil && acked != nil {
			err = fmt.Errorf("results: acknowledge: %w", acked)
		}
	}
	if ctx.Err() != nil && err == ctx.Err() {
		return nil
	}
	return err
}

// present parts the entries from those that somebody deleted before they were acknowledged:
// of these only the ids are left, and there is nothing to hand over.
func present(entries []redis.XMessage) (there []redis.XMessage, gone []string) {
	for _, m := range entries {
		if len(m.Values) == 0 {
			gone = append(gone, m.ID)
		} else {
			there = append(there, m)
		}
	}
	return there, gone
}
