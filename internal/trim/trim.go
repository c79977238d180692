// Package trim removes what is old from a Redis stream, but nothing that a consumer group still needs.
//
// It knows consumer groups and what each has read and acknowledged. It does not know what the streams hold.
package trim

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
)

// Stream removes entries older than age by Redis' clock, but none that a consumer group has not read and acknowledged.
// It returns how many went, and the groups for which older ones had to stay. Where there is no group, age alone decides.
func Stream(ctx context.Context, rdb redis.UniversalClient, stream string, age time.Duration) (trimmed int64, behind []string, err error) {
	s := trimmer{rdb, stream}
	if trimmed, behind, err = s.trim(ctx, age); err != nil {
		return 0, nil, fmt.Errorf("trim %s: %w", stream, err)
	}
	return trimmed, behind, nil
}

type trimmer struct {
	rdb    redis.UniversalClient
	stream string
}

func (s trimmer) trim(ctx context.Context, age time.Duration) (trimmed int64, behind []string, err error) {
	exists, err := s.rdb.Exists(ctx, s.stream).Result()
	if err != nil || exists == 0 {
		return 0, nil, err
	}
	now, err := redisconn.Clock(ctx, s.rdb, s.stream)
	if err != nil {
		return 0, nil, err
	}
	bound, behind, err := s.spared(ctx, place{ms: uint64(max(0, now.Add(-age).UnixMilli()))})
	if err != nil {
		return 0, nil, err
	}
	trimmed, err = s.rdb.XTrimMinID(ctx, s.stream, bound.String()).Result()
	return trimmed, behind, err
}

// spared moves the bound back to what the slowest group needs, and names the groups that need entries from before it.
func (s trimmer) spared(ctx context.Context, bound place) (first place, behind []string, err error) {
	groups, err := s.rdb.XInfoGroups(ctx, s.stream).Result()
	if err != nil {
		return place{}, nil, err
	}
	first = bound
	for _, g := range groups {
		needed, err := s.needed(ctx, g.Name, g.LastDeliveredID, g.Pending)
		if err != nil {
			return place{}, nil, err
		}
		if !needed.before(bound) {
			continue
		}
		if needed.before(first) {
			first = needed
		}
		old, err := s.rdb.XRangeN(ctx, s.stream, needed.String(), "("+bound.String(), 1).Result()
		if err != nil {
			return place{}, nil, err
		}
		if len(old) > 0 { // it is not just that nothing came since the group last read
			behind = append(behind, g.Name)
		}
	}
	return first, behind, nil
}

// needed is the first place that a group may still want: its oldest unacknowledged entry,
// or the one after the last it was handed.
func (s trimmer) needed(ctx context.Context, group, delivered string, pending int64) (place, error) {
	if pending > 0 {
		p, err := s.rdb.XPending(ctx, s.stream, group).Result()
		if err != nil {
			return place{}, err
		}
		if p.Count > 0 {
			return placeOf(p.Lower)
		}
	}
	last, err := placeOf(delivered)
	return last.next(), err
}

// place is a position in the stream.
type place struct{ ms, n uint64 }

// placeOf reads an id. Without its second part it is the first of its millisecond, as in
// "0", which miniredis says of a group that has read nothing.
func placeOf(id string) (p place, err error) {
	ms, n, found := strings.Cut(id, "-")
	if !found {
		n = "0"
	}
	if p.ms, err = strconv.ParseUint(ms, 10, 64); err != nil {
		return p, fmt.Errorf("stream id %q: %w", id, err)
	}
	if p.n, err = strconv.ParseUint(n, 10, 64); err != nil {
		return p, fmt.Errorf("stream id %q: %w", id, err)
	}
	return p, nil
}

// next is the place after p. Producers may choose ids, so that there need not be one in the same millisecond.
func (p place) next() place {
	if p.n == math.MaxUint64 {
		return place{ms: p.ms + 1}
	}
	return place{p.ms, p.n + 1}
}

func (p place) before(q place) bool { return p.ms < q.ms || p.ms == q.ms && p.n < q.n }

func (p place) String() string { return fmt.Sprintf("%d-%d", p.ms, p.n) }
