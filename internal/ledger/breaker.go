package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// How long a breaker is open: a second at first, twice as long after each probe that failed, and
// never so long that a merchant waits unduly once the trouble is mended.
const (
	firstOpen   = time.Second
	longestOpen = 15 * time.Second
)

// BreakerMove is what an attempt's answer does to its merchant's breaker.
type BreakerMove string

const (
	LeaveBreaker BreakerMove = ""      // the answer says nothing about it
	TripBreaker  BreakerMove = "trip"  // it opens, or stays open, and the order is held
	CloseBreaker BreakerMove = "close" // the gateway is well
)

func (m BreakerMove) first() string {
	switch m {
	case TripBreaker:
		return strconv.FormatInt(firstOpen.Milliseconds(), 10)
	case CloseBreaker:
		return "0"
	}
	return ""
}

// Breaker is the state of a merchant whose breaker is or lately was open.
type Breaker struct {
	MerchantID string
	Open       bool
	Since      time.Time // when it opened
	Until      time.Time // when the next probe may go
	Why        string    // without secrets or personal data
	Held       int       // orders that it holds
}

// breakerKeys are where the breakers of one kind, and what they hold, are kept.
type breakerKeys struct {
	tripped string
	breaker func(merchantID string) string
	held    func(merchantID string) []string // in the order of lanes
	queued  []string                         // of each lane
	lanes   []order.Lane
}

func (l *Ledger) linkBreakers() breakerKeys {
	k := l.keys
	return breakerKeys{
		tripped: k.Tripped(), breaker: k.Breaker,
		held:   func(m string) []string { return []string{k.Held(m, order.Interactive), k.Held(m, order.Bulk)} },
		queued: []string{k.Queued(order.Interactive), k.Queued(order.Bulk)},
		lanes:  []order.Lane{order.Interactive, order.Bulk},
	}
}

// mailBreakers have one lane, which the script is given twice: its second look finds nothing.
func (l *Ledger) mailBreakers() breakerKeys {
	k := l.keys
	return breakerKeys{
		tripped: k.MailTripped(), breaker: k.MailBreaker,
		held:   func(m string) []string { return []string{k.MailHeld(m)} },
		queued: []string{k.Queued(Mailing)},
		lanes:  []order.Lane{Mailing},
	}
}

// Breakers returns the merchants that the gateway does not serve now, or whose held orders are
// being given back.
func (l *Ledger) Breakers(ctx context.Context) ([]Breaker, error) {
	return l.breakers(ctx, l.linkBreakers())
}

// MailBreakers returns the merchants whose emails do not go out now, or whose held emails are being given back.
func (l *Ledger) MailBreakers(ctx context.Context) ([]Breaker, error) {
	return l.breakers(ctx, l.mailBreakers())
}

func (l *Ledger) breakers(ctx context.Context, k breakerKeys) ([]Breaker, error) {
	merchants, err := l.rdb.SMembers(ctx, k.tripped).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: breakers: %w", err)
	}
	all := make([]Breaker, len(merchants))
	for i, m := range merchants {
		if all[i], err = l.breaker(ctx, k, m); err != nil {
			return nil, fmt.Errorf("ledger: breakers: %w", err)
		}
	}
	return all, nil
}

func (l *Ledger) breaker(ctx context.Context, k breakerKeys, merchantID string) (Breaker, error) {
	pipe := l.rdb.Pipeline()
	state := pipe.HGetAll(ctx, k.breaker(merchantID))
	var held []*redis.IntCmd
	for _, key := range k.held(merchantID) {
		held = append(held, pipe.ZCard(ctx, key))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return Breaker{}, err
	}
	b := breakerOf(merchantID, state.Val())
	for _, n := range held {
		b.Held += int(n.Val())
	}
	return b, nil
}

func breakerOf(merchantID string, v map[string]string) Breaker {
	return Breaker{MerchantID: merchantID, Open: len(v) > 0, Since: moment(v["since"]), Until: moment(v["until"]), Why: v["why"]}
}

// Unhold takes held orders whose time has come: all of a merchant, up to limit, once its breaker
// has closed, and one, as the next probe, when it is time for that. Two callers never get the
// same order.
func (l *Ledger) Unhold(ctx context.Context, limit int) ([]Due, error) {
	return l.unholdAll(ctx, l.linkBreakers(), limit)
}

// UnholdMail is Unhold for held emails.
func (l *Ledger) UnholdMail(ctx context.Context, limit int) ([]Due, error) {
	return l.unholdAll(ctx, l.mailBreakers(), limit)
}

func (l *Ledger) unholdAll(ctx context.Context, k breakerKeys, limit int) ([]Due, error) {
	merchants, err := l.rdb.SMembers(ctx, k.tripped).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: unhold: %w", err)
	}
	var all []Due
	for _, m := range merchants {
		due, err := l.unholdOne(ctx, k, m, limit-len(all))
		if err != nil {
			return all, fmt.Errorf("ledger: unhold: %w", err)
		}
		all = append(all, due...)
	}
	return all, nil
}

func (l *Ledger) unholdOne(ctx context.Context, k breakerKeys, merchantID string, limit int) ([]Due, error) {
	held := k.held(merchantID)
	items, err := l.scripts.unhold.Run(ctx, l.rdb, []string{
		k.breaker(merchantID), held[0], held[len(held)-1], k.queued[0], k.queued[len(k.queued)-1], k.tripped,
	}, merchantID, limit).StringSlice()
	if err != nil {
		return nil, err
	}
	first := number(items[1])
	due, err := l.dueOf(k.lanes[0], items[0], items[2:2+first])
	if err != nil {
		return nil, err
	}
	second, err := l.dueOf(k.lanes[len(k.lanes)-1], items[0], items[2+first:])
	return append(due, second...), err
}

// Hasten lets a merchant's held orders try the gateway at once, if its breaker is open: something about the merchant was
// mended.
func (l *Ledger) Hasten(ctx context.Context, merchantID string) error {
	if err := l.scripts.hasten.Run(ctx, l.rdb, []string{l.keys.Breaker(merchantID)}).Err(); err != nil {
		return fmt.Errorf("ledger: hasten: %w", err)
	}
	return nil
}

// BreakerOf returns the state of a merchant's breaker.
func (l *Ledger) BreakerOf(ctx context.Context, merchantID string) (Breaker, error) {
	b, err := l.breaker(ctx, l.linkBreakers(), merchantID)
	if err != nil {
		return Breaker{}, fmt.Errorf("ledger: breaker: %w", err)
	}
	return b, nil
}

// OpenOf returns how many orders of a merchant are open.
func (l *Ledger) OpenOf(ctx context.Context, merchantID string) (int, error) {
	n, err := l.rdb.HGet(ctx, l.keys.OpenOrders(), merchantID).Int()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("ledger: open orders: %w", err)
	}
	return n, nil
}

// OpenOrders returns how many orders of each merchant are open.
func (l *Ledger) OpenOrders(ctx context.Context) (map[string]int, error) {
	values, err := l.rdb.HGetAll(ctx, l.keys.OpenOrders()).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: open orders: %w", err)
	}
	open := make(map[string]int, len(values))
	for merchant, n := range values {
		open[merchant] = number(n)
	}
	return open, nil
}
