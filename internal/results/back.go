package results

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Back returns up to n events before a place, newest first, and the place to go on from, which is one for Back. It is at the
// beginning of what is kept where that is the place given. n events cost Redis one command, of several streams at least one each.
func (r *Reader) Back(ctx context.Context, before string, n int) ([]Event, string, error) {
	places, err := r.places(before)
	if err != nil {
		return nil, before, err
	}
	m := r.merge(places)
	m.size, m.load, m.sooner = r.share(n), stream.before, later
	events, err := m.events(ctx, n)
	if err != nil || len(events) == 0 {
		return nil, before, err
	}
	// In no stream is anything left that is newer than the oldest of these. To say so spares who goes on what is published
	// meanwhile in a stream that had nothing so new.
	for _, s := range m.sources {
		s.place = notAfter(s.place, events[len(events)-1].StreamID)
	}
	return events, m.at(), nil
}

func later(id, than string) bool { return before(than, id) }

// share is how many of n events to expect of one stream.
func (r *Reader) share(n int) int { return (n + len(r.streams) - 1) / len(r.streams) }

// Around returns up to n events that were published between two times, by Redis' clock, oldest first.
func (r *Reader) Around(ctx context.Context, from, to time.Time, n int) ([]Event, error) {
	first, last := strconv.FormatInt(from.UnixMilli(), 10), strconv.FormatInt(to.UnixMilli(), 10)
	m := r.merge(make([]string, len(r.streams)))
	m.size = r.share(n)
	m.load = func(s stream, ctx context.Context, place string, n int) ([]redis.XMessage, error) {
		begin := first
		if place != "" {
			begin = "(" + place
		}
		entries, err := s.rdb.XRangeN(ctx, s.key, begin, last, int64(n)).Result()
		return entries, s.failed(err)
	}
	return m.events(ctx, n)
}
