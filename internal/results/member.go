package results

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// member is one consumer's view of a consumer group of one stream.
type member struct {
	stream
	group, consumer string
	page            int64 // events that it is handed in one round trip
}

// unacknowledged hands f what the consumer was handed before.
func (m member) unacknowledged(ctx context.Context, follow bool, f func(Event) error) error {
	for ctx.Err() == nil {
		n, err := m.next(ctx, Start, follow, f)
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// further hands f what others abandoned, if it is time for that, and a page of what is new; it returns how many new ones there were.
func (m member) further(ctx context.Context, takeOver, follow bool, f func(Event) error) (int, error) {
	if takeOver {
		if err := m.takeOver(ctx, follow, f); err != nil {
			return 0, err
		}
	}
	return m.next(ctx, ">", follow, f)
}

// next reads one page from a place in the group and returns how many events it held.
func (m member) next(ctx context.Context, from string, follow bool, f func(Event) error) (int, error) {
	args := &redis.XReadGroupArgs{
		Group: m.group, Consumer: m.consumer, Streams: []string{m.key, from}, Count: m.page, Block: -1,
	}
	if follow && from != Start { // what was handed out before is there at once, or not at all
		args.Block = block
	}
	read, err := m.rdb.XReadGroup(ctx, args).Result()
	if err != nil {
		return 0, m.unread(ctx, follow, err)
	}
	return len(read[0].Messages), m.handle(ctx, follow, read[0].Messages, f)
}

// unread decides about a failed read: only who follows can wait for Redis, since anybody else
// would take what is not there for the end.
func (m member) unread(ctx context.Context, follow bool, err error) error {
	if !follow && !errors.Is(err, redis.Nil) && ctx.Err() == nil {
		return m.failed(err)
	}
	return m.pause(ctx, err)
}

func (m member) takeOver(ctx context.Context, follow bool, f func(Event) error) error {
	cursor := Start
	for {
		entries, next, err := m.rdb.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: m.key, Group: m.group, Consumer: m.consumer, MinIdle: abandoned, Start: cursor, Count: m.page,
		}).Result()
		if err != nil {
			return m.unread(ctx, follow, err)
		}
		if err := m.handle(ctx, follow, entries, f); err != nil {
			return err
		}
		if next == "0-0" || ctx.Err() != nil {
			return nil
		}
		cursor = next
	}
}

// handle acknowledges what f handled, in one command, even when f stopped half way.
func (m member) handle(ctx context.Context, follow bool, entries []redis.XMessage, f func(Event) error) error {
	var done []string
	entries, done = present(entries)
	_, err := m.each(entries, "", func(e Event) error {
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
		acked := m.acknowledge(ctx, follow && err == nil, done)
		if err == nil {
			err = acked
		}
	}
	if ctx.Err() != nil && err == ctx.Err() {
		return nil
	}
	return err
}

// acknowledge goes on, where it may wait, until Redis has heard of it: f has handled these events, and whoever follows
// is not to be handed them again. It tries even when the context is over.
func (m member) acknowledge(ctx context.Context, wait bool, ids []string) error {
	for {
		err := m.rdb.XAck(context.WithoutCancel(ctx), m.key, m.group, ids...).Err()
		if err == nil {
			return nil
		}
		if !wait || ctx.Err() != nil {
			return m.failed(fmt.Errorf("acknowledge: %w", err))
		}
		if err := m.pause(ctx, err); err != nil {
			return err
		}
	}
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
