package results

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// End is the place after the newest event.
const End = "+"

// Back returns up to n events before a place, newest first, and the place to go on from. It is at the beginning of what is kept
// where that is the place given. n events cost Redis one command.
func (r *Reader) Back(ctx context.Context, before string, n int) ([]Event, string, error) {
	from := before
	if from != End {
		from = "(" + from
	}
	entries, err := r.rdb.XRevRangeN(ctx, r.stream, from, "-", int64(n)).Result()
	if err != nil {
		return nil, before, fmt.Errorf("results: %w", err)
	}
	if len(entries) == 0 {
		return nil, before, nil
	}
	return eventsOf(entries), entries[len(entries)-1].ID, nil
}

// Around returns up to n events that were published between two times, by Redis' clock, oldest first.
func (r *Reader) Around(ctx context.Context, from, to time.Time, n int) ([]Event, error) {
	entries, err := r.rdb.XRangeN(ctx, r.stream, strconv.FormatInt(from.UnixMilli(), 10), strconv.FormatInt(to.UnixMilli(), 10), int64(n)).Result()
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return eventsOf(entries), nil
}

func eventsOf(entries []redis.XMessage) []Event {
	events := make([]Event, len(entries))
	for i, m := range entries {
		events[i] = eventOf(m)
	}
	return events
}

// PlacedAt returns when the event of a place was published, by Redis' clock.
func PlacedAt(place string) time.Time {
	ms, _, _ := strings.Cut(place, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// IsPlace reports whether a text is the place of an event.
func IsPlace(s string) bool {
	ms, n, found := strings.Cut(s, "-")
	_, err := strconv.ParseUint(ms, 10, 63)
	if !found {
		return err == nil
	}
	_, errN := strconv.ParseUint(n, 10, 64)
	return err == nil && errN == nil
}
