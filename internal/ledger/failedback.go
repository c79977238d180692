package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Before returns up to n failed orders before a place, newest first, and the place to go on from; the list is at its end where
// that is the place given. The zero Cursor is the place after the newest. A page may be empty before the end.
// An order that stays failed while the list is read is on exactly one page.
func (f FailedList) Before(ctx context.Context, c Cursor, n int) ([]FailedOrder, Cursor, error) {
	return f.page(ctx, c, n, failedList.membersBefore, -1)
}

// membersBefore reads one page backwards, as members does forwards.
func (f failedList) membersBefore(ctx context.Context, c Cursor, n int) ([]redis.Z, error) {
	from := "+inf"
	if c != (Cursor{}) {
		from = strconv.FormatInt(c.ms, 10)
	}
	for size := n + 1; ; size *= 2 { // one is that of the place itself
		page, err := f.l.rdb.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
			Key: f.key, ByScore: true, Rev: true, Start: from, Stop: "-inf", Count: int64(size),
		}).Result()
		if err != nil {
			return nil, fmt.Errorf("ledger: failed orders: %w", err)
		}
		seen := 0
		for seen < len(page) && c != (Cursor{}) && !c.after(page[seen]) {
			seen++
		}
		if seen < len(page) || len(page) < size {
			return page[seen:min(seen+n, len(page))], nil
		}
	}
}

// after reports whether a place is behind an order.
func (c Cursor) after(z redis.Z) bool { return !c.before(z) && c != cursorAt(z) }

func cursorAt(z redis.Z) Cursor { return Cursor{ms: int64(z.Score), member: z.Member.(string)} }

// String writes the place so that ParseCursor reads it. The beginning is "".
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return strconv.FormatInt(c.ms, 10) + "~" + c.member
}

// ParseCursor reads what String wrote.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	ms, member, _ := strings.Cut(s, "~")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || n < 0 {
		return Cursor{}, fmt.Errorf("%q is no place in a list of failed orders", s)
	}
	if _, err := order.ParseKey(member); member != "" && err != nil {
		return Cursor{}, fmt.Errorf("%q is no place in a list of failed orders", s)
	}
	return Cursor{ms: n, member: member}, nil
}

// Len returns how many failed orders are listed.
func (f FailedList) Len(ctx context.Context) (int, error) {
	sum := 0
	for _, list := range f.of {
		n, err := list.l.rdb.ZCard(ctx, list.key).Result()
		if err != nil {
			return 0, fmt.Errorf("ledger: failed orders: %w", err)
		}
		sum += int(n)
	}
	return sum, nil
}

// CursorOf returns the place of a listed order: After goes on behind it, and Before in front of it.
func CursorOf(o FailedOrder) Cursor {
	return Cursor{ms: o.FailedAt.UnixMilli(), member: o.Key.String()}
}
