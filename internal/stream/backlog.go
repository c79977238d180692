package stream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Backlog is what waits in the stream of orders.
type Backlog struct {
	Entries int       // that no intake has dealt with yet. Redis before 7.0 does not count those that none was handed
	Since   time.Time // when the oldest of those that no intake was handed was added; zero when there is none
}

// Waiting returns the backlog of the stream of orders with this key, in two or three small commands.
func Waiting(ctx context.Context, rdb redis.UniversalClient, orders string) (Backlog, error) {
	b, err := waiting(ctx, rdb, orders)
	if err != nil {
		return Backlog{}, fmt.Errorf("stream: backlog: %w", err)
	}
	return b, nil
}

func waiting(ctx context.Context, rdb redis.UniversalClient, orders string) (b Backlog, err error) {
	groups, err := rdb.XInfoGroups(ctx, orders).Result()
	if err != nil {
		if strings.Contains(err.Error(), "no such key") {
			err = nil
		}
		return b, err
	}
	after, found := "0", false
	for _, g := range groups {
		if g.Name == Group {
			b.Entries, after, found = int(max(g.Lag, 0)+g.Pending), g.LastDeliveredID, true
		}
	}
	if !found { // nobody has ever taken from it
		n, err := rdb.XLen(ctx, orders).Result()
		if err != nil {
			return b, err
		}
		b.Entries = int(n)
	}
	next, err := rdb.XRangeN(ctx, orders, "("+after, "+", 1).Result()
	if err == nil && len(next) > 0 {
		b.Since, b.Entries = addedAt(next[0].ID), max(b.Entries, 1)
	}
	return b, err
}

// addedAt is when an entry was added: ids begin with Redis' time.
func addedAt(id string) time.Time {
	ms, _, _ := strings.Cut(id, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}
