package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// FailedOrder is an order that ended without a link and is kept until it is replayed,
// corrected or discarded. In the list of failed emails it is an order whose link is issued, and what it says is about the email.
type FailedOrder struct {
	Key        order.Key
	Generation int
	Lane       order.Lane
	Code       string
	Message    string
	Attempts   int
	Uncertain  bool // an attempt may have minted a link that nobody saw, or sent the email
	FailedAt   time.Time
	Batches    []string // that it is in
}

// LinkMayExist reports whether replaying the order may make a second link at the gateway.
func (f FailedOrder) LinkMayExist() bool { return f.Uncertain || f.Code == CodePossiblyIssued }

// Cursor is a place in the list of failed orders, which is sorted by the time of failing and
// then by key. It stays right while orders come and go. The zero Cursor is the beginning.
type Cursor struct {
	ms     int64
	member string // the last order before this place; "" before all that failed in that millisecond
}

// FailedSince returns the place before the orders that failed at t or later. Times before 1970
// are the beginning.
func FailedSince(t time.Time) Cursor { return Cursor{ms: max(t.UnixMilli(), 0)} }

// FailedList is a list of failed orders, or of orders whose email failed; of one ledger, or of several as if they were one.
type FailedList struct{ of []failedList }

// failedList is that of one ledger.
type failedList struct {
	l      *Ledger
	key    string // of the sorted set, by the time of failing
	fields []string
	named  func(key order.Key, v map[string]string) NamedOrder
}

// FailedOrders is the list of orders that ended without a link.
func (l *Ledger) FailedOrders() FailedList {
	return FailedList{[]failedList{{l, l.keys.Failed(), failedFields, namedOrder}}}
}

// FailedEmails is the list of orders whose email failed.
func (l *Ledger) FailedEmails() FailedList {
	return FailedList{[]failedList{{l, l.keys.FailedEmails(), failedEmailFields, namedEmail}}}
}

// And returns the list together with another one.
func (f FailedList) And(other FailedList) FailedList {
	return FailedList{append(slices.Clone(f.of), other.of...)}
}

// FailedAfter is After of FailedOrders.
func (l *Ledger) FailedAfter(ctx context.Context, c Cursor, n int) ([]FailedOrder, Cursor, error) {
	return l.FailedOrders().After(ctx, c, n)
}

// FailedNamed is Named of FailedOrders.
func (l *Ledger) FailedNamed(ctx context.Context, keys []order.Key) ([]NamedOrder, error) {
	return l.FailedOrders().Named(ctx, keys)
}

// After returns up to n failed orders after a place, oldest first, and the place to go on
// from; the list is at its end where that is the place given. A page may be empty before the end.
// An order that stays failed while the list is read is on exactly one page.
func (f FailedList) After(ctx context.Context, c Cursor, n int) ([]FailedOrder, Cursor, error) {
	return f.page(ctx, c, n, failedList.members, 1)
}

// page reads a page of each list, and makes one of them. way is 1 from the oldest on, and -1 from the newest on.
func (f FailedList) page(ctx context.Context, c Cursor, n int, read func(failedList, context.Context, Cursor, int) ([]redis.Z, error), way int) ([]FailedOrder, Cursor, error) {
	type place struct {
		redis.Z
		of int
	}
	var listed []place
	for i, list := range f.of {
		members, err := read(list, ctx, c, n)
		if err != nil {
			return nil, c, err
		}
		for _, z := range members {
			listed = append(listed, place{z, i})
		}
	}
	slices.SortStableFunc(listed, func(a, b place) int { return way * cursorAt(a.Z).compare(b.Z) })
	if listed = listed[:min(n, len(listed))]; len(listed) == 0 {
		return nil, c, nil
	}
	at := make([][]redis.Z, len(f.of))
	for _, p := range listed {
		at[p.of] = append(at[p.of], p.Z)
	}
	var page []FailedOrder
	for i, list := range f.of {
		orders, err := list.stillListed(ctx, at[i])
		if err != nil {
			return nil, c, err
		}
		page = append(page, orders...)
	}
	slices.SortStableFunc(page, func(a, b FailedOrder) int { return way * CursorOf(a).compare(CursorOf(b).z()) })
	return page, cursorAt(listed[len(listed)-1].Z), nil
}

// stillListed looks up what was found in the list.
func (f failedList) stillListed(ctx context.Context, listed []redis.Z) ([]FailedOrder, error) {
	keys := make([]order.Key, len(listed))
	for i, z := range listed {
		var err error
		if keys[i], err = order.ParseKey(z.Member.(string)); err != nil {
			return nil, fmt.Errorf("ledger: failed orders: %w", err)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	named, err := f.look(ctx, keys)
	if err != nil {
		return nil, err
	}
	var page []FailedOrder
	for i, o := range named {
		// One that moved on since the list was read is left out; if it failed again, it comes later.
		if o.Listed && o.FailedAt.UnixMilli() == int64(listed[i].Score) {
			page = append(page, o.FailedOrder)
		}
	}
	return page, nil
}

// members reads one page of the list. Every page begins with the orders that failed in the
// cursor's millisecond, which are few: a range can not begin within one score.
func (f failedList) members(ctx context.Context, c Cursor, n int) ([]redis.Z, error) {
	for size := n; ; size *= 2 {
		page, err := f.l.rdb.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
			Key: f.key, ByScore: true, Start: strconv.FormatInt(c.ms, 10), Stop: "+inf", Count: int64(size),
		}).Result()
		if err != nil {
			return nil, fmt.Errorf("ledger: failed orders: %w", err)
		}
		seen := 0
		for seen < len(page) && !c.before(page[seen]) {
			seen++
		}
		if seen < len(page) || len(page) < size {
			return page[seen:min(seen+n, len(page))], nil
		}
	}
}

func (c Cursor) compare(z redis.Z) int {
	return cmp.Or(cmp.Compare(c.ms, int64(z.Score)), cmp.Compare(c.member, z.Member.(string)))
}

func (c Cursor) before(z redis.Z) bool { return c.compare(z) < 0 }

func (c Cursor) z() redis.Z { return redis.Z{Score: float64(c.ms), Member: c.member} }

// NamedOrder is how an order stands that somebody named.
type NamedOrder struct {
	FailedOrder           // of the generation that failed, if it is listed; else its key alone
	Listed      bool      // it has failed, and was neither replayed, corrected nor discarded
	State       State     // "" when the ledger has no such order
	Email       MailState // in the list of failed emails
}

// Named looks orders up in one round trip for each ledger, and answers them in the order of the keys.
func (f FailedList) Named(ctx context.Context, keys []order.Key) ([]NamedOrder, error) {
	var all []NamedOrder
	for _, list := range f.of {
		named, err := list.look(ctx, keys)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = named
		}
		for i, o := range named {
			if o.State != "" {
				all[i] = o
			}
		}
	}
	return all, nil
}

func (f failedList) look(ctx context.Context, keys []order.Key) ([]NamedOrder, error) {
	records := make([]*redis.SliceCmd, len(keys))
	_, err := f.l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			records[i] = p.HMGet(ctx, f.l.keys.Record(key), f.fields...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: failed orders: %w", err)
	}
	named := make([]NamedOrder, len(keys))
	for i, key := range keys {
		v := make(map[string]string, len(f.fields))
		for j, name := range f.fields {
			v[name], _ = records[i].Val()[j].(string)
		}
		named[i] = f.named(key, v)
	}
	return named, nil
}

var failedFields = []string{"state", "gen", "lane", "code", "message", "attempts", "uncertain", "settled", "task", "batches"}

func namedOrder(key order.Key, v map[string]string) NamedOrder {
	o := NamedOrder{FailedOrder: FailedOrder{Key: key}, State: State(v["state"])}
	// Discard keeps what became of an order, and drops its task.
	if o.State != Failed || v["task"] == "" {
		return o
	}
	o.Listed = true
	o.FailedOrder = FailedOrder{
		Key: key, Generation: number(v["gen"]), Lane: order.Lane(v["lane"]), Code: v["code"], Message: v["message"],
		Attempts: number(v["attempts"]), Uncertain: v["uncertain"] == "1", FailedAt: moment(v["settled"]),
	}
	if v["batches"] != "" {
		o.Batches = strings.Fields(v["batches"])
	}
	return o
}

var failedEmailFields = []string{"state", "gen", "lane", "mail", "mcode", "mmessage", "mn", "mgone", "mfailed", "batches"}

func namedEmail(key order.Key, v map[string]string) NamedOrder {
	o := NamedOrder{FailedOrder: FailedOrder{Key: key}, State: State(v["state"]), Email: MailState(v["mail"])}
	if o.State != Issued || o.Email != MailFailed {
		return o
	}
	o.Listed = true
	o.FailedOrder = FailedOrder{
		Key: key, Generation: number(v["gen"]), Lane: order.Lane(v["lane"]), Code: v["mcode"], Message: v["mmessage"],
		Attempts: number(v["mn"]), Uncertain: v["mgone"] != "", FailedAt: moment(v["mfailed"]),
	}
	if v["batches"] != "" {
		o.Batches = strings.Fields(v["batches"])
	}
	return o
}

// Cutoff returns a time by Redis' clock that parts what has failed before the call from what
// fails after it: the former failed before that time, the latter at it or later.
func (l *Ledger) Cutoff(ctx context.Context) (time.Time, error) {
	now, err := redisconn.Clock(ctx, l.rdb, l.keys.Failed())
	if err != nil {
		return time.Time{}, fmt.Errorf("ledger: time: %w", err)
	}
	// Failures are timed in milliseconds, so the one that has begun is let pass.
	cutoff := now.Truncate(time.Millisecond).Add(time.Millisecond)
	time.Sleep(cutoff.Sub(now))
	return cutoff, nil
}
