package results

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// abandoned is how long an event may stay with a consumer that does not acknowledge it
// before another of the group takes it over.
const abandoned = time.Minute

// Group is one consumer's view of a consumer group: the events are shared among the group's
// consumers, and one that is not acknowledged is delivered again.
type Group struct{ members []member }

// Join joins a consumer group, and creates it, from the first event on, where it is new: there is one of this name for each
// stream.
func (r *Reader) Join(ctx context.Context, name, consumer string) (*Group, error) {
	g := &Group{}
	for _, s := range r.streams {
		err := s.rdb.XGroupCreateMkStream(ctx, s.key, name, Start).Err()
		if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
			return nil, fmt.Errorf("results: %s: group %q: %w", s.key, name, err)
		}
		// What one consumer holds of all streams together is a page, so that it is as soon through with it as with one stream's:
		// what it holds for too long others would take over.
		g.members = append(g.members, member{s, name, consumer, int64(max(1, page/len(r.streams)))})
	}
	return g, nil
}

// Read hands f every event that is this consumer's: first those it was handed before and
// never acknowledged, those that other consumers abandoned, then new ones. An event is
// acknowledged when f returns nil, and only then; so f may see one again after a crash.
// Without follow it ends when no event is left, with follow when the context ends; then it also
// waits, and carries on, while Redis is away, and a stream that is away does not stop the others.
// It calls f for one event at a time.
func (g *Group) Read(ctx context.Context, follow bool, f func(Event) error) error {
	if !follow || len(g.members) == 1 {
		return read(ctx, g.members, follow, f)
	}
	t := &turns{f: f}
	all, ctx := errgroup.WithContext(ctx)
	for i := range g.members {
		all.Go(func() error { return read(ctx, g.members[i:i+1], true, t.hand) })
	}
	return all.Wait()
}

// read reads of some streams by turns, a page at a time.
func read(ctx context.Context, members []member, follow bool, f func(Event) error) error {
	for _, m := range members {
		if err := m.unacknowledged(ctx, follow, f); err != nil {
			return err
		}
	}
	taken := time.Time{}
	for ctx.Err() == nil {
		takeOver, left := time.Since(taken) > abandoned/2, 0
		if takeOver {
			taken = time.Now()
		}
		for _, m := range members {
			n, err := m.further(ctx, takeOver, follow, f)
			if err != nil {
				return err
			}
			left += n
		}
		if left == 0 && !follow {
			return nil
		}
	}
	return nil
}
