package results

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Trim removes events older than age, but none that a consumer group has not read and
// acknowledged. It returns how many went.
func (r *Reader) Trim(ctx context.Context, age time.Duration) (int64, error) {
	exists, err := r.rdb.Exists(ctx, r.stream).Result()
	if err != nil || exists == 0 {
		return 0, err
	}
	now, err := r.rdb.Time(ctx).Result()
	if err != nil {
		return 0, fmt.Errorf("results: trim: %w", err)
	}
	bound := place{ms: now.Add(-age).UnixMilli()}
	groups, err := r.rdb.XInfoGroups(ctx, r.stream).Result()
	if err != nil {
		return 0, fmt.Errorf("results: trim: %w", err)
	}
	for _, g := range groups {
		needed, err := r.needed(ctx, g.Name, g.LastDeliveredID, g.Pending)
		if err != nil {
			return 0, fmt.Errorf("results: trim: %w", err)
		}
		if needed.before(bound) {
			bound = needed
		}
	}
	n, err := r.rdb.XTrimMinID(ctx, r.stream, bound.String()).Result()
	if err != nil {
		return 0, fmt.Errorf("results: trim: %w", err)
	}
	return n, nil
}

// needed is the first place that a group may still want: its oldest unacknowledged event,
// or the one after the last it was handed.
func (r *Reader) needed(ctx context.Context, group, delivered string, pending int64) (place, error) {
	if pending > 0 {
		p, err := r.rdb.XPending(ctx, r.stream, group).Result()
		if err != nil {
			return place{}, err
		}
		if p.Count > 0 {
			return placeOf(p.Lower)
		}
	}
	last, err := placeOf(delivered)
	last.n++
	return last, err
}

// place is a position in the stream.
type place struct{ ms, n int64 }

// placeOf reads an id. Without its second part it is the first of its millisecond, as in
// "0", which miniredis says of a group that has read nothing.
func placeOf(id string) (p place, err error) {
	ms, n, found := strings.Cut(id, "-")
	if !found {
		n = "0"
	}
	if p.ms, err = strconv.ParseInt(ms, 10, 64); err != nil {
		return p, fmt.Errorf("stream id %q: %w", id, err)
	}
	if p.n, err = strconv.ParseInt(n, 10, 64); err != nil {
		return p, fmt.Errorf("stream id %q: %w", id, err)
	}
	return p, nil
}

func (p place) before(q place) bool { return p.ms < q.ms || p.ms == q.ms && p.n < q.n }

func (p place) String() string { return fmt.Sprintf("%d-%d", p.ms, p.n) }
