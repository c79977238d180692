package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

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

// Breakers returns the merchants that the gateway does not serve now, or whose held orders are
// being given back.
func (l *Ledger) Breakers(ctx context.Context) ([]Breaker, error) {
	merchants, err := l.rdb.SMembers(ctx, l.keys.Tripped()).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: breakers: %w", err)
	}
	all := make([]Breaker, len(merchants))
	for i, m := range merchants {
		if all[i], err = l.breaker(ctx, m); err != nil {
			return nil, fmt.Errorf("ledger: breakers: %w", err)
		}
	}
	return all, nil
}

func (l *Ledger) breaker(ctx context.Context, merchantID string) (Breaker, error) {
	pipe := l.rdb.Pipeline()
	state := pipe.HGetAll(ctx, l.keys.Breaker(merchantID))
	interactive := pipe.ZCard(ctx, l.keys.Held(merchantID, order.Interactive))
	bulk := pipe.ZCard(ctx, l.keys.Held(merchantID, order.Bulk))
	if _, err := pipe.Exec(ctx); err != nil {
		return Breaker{}, err
	}
	v := state.Val()
	return Breaker{
		MerchantID: merchantID, Open: len(v) > 0, Since: moment(v["since"]), Until: moment(v["until"]),
		Why: v["why"], Held: int(interactive.Val() + bulk.Val()),
	}, nil
}

// Unhold takes held orders whose time has come: all of a merchant, up to limit, once its breaker
// has closed, and one, as the next probe, when it is time for that. Two callers never get the
// same order.
func (l *Ledger) Unhold(ctx context.Context, limit int) ([]Due, error) {
	merchants, err := l.rdb.SMembers(ctx, l.keys.Tripped()).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: unhold: %w", err)
	}
	var all []Due
	for _, m := range merchants {
		due, err := l.unholdOne(ctx, m, limit-len(all))
		if err != nil {
			return all, fmt.Errorf("ledger: unhold: %w", err)
		}
		all = append(all, due...)
	}
	return all, nil
}

func (l *Ledger) unholdOne(ctx context.Context, merchantID string, limit int) ([]Due, error) {
	items, err := l.scripts.unhold.Run(ctx, l.rdb, []string{
		l.keys.Breaker(merchantID),
		l.keys.Held(merchantID, order.Interactive), l.keys.Held(merchantID, order.Bulk),
		l.keys.Queued(order.Interactive), l.keys.Queued(order.Bulk),
		l.keys.Tripped(),
	}, merchantID, limit).StringSlice()
	if err != nil {
		return nil, err
	}
	interactive := number(items[1])
	due, err := dueOf(order.Interactive, items[0], items[2:2+interactive])
	if err != nil {
		return nil, err
	}
	bulk, err := dueOf(order.Bulk, items[0], items[2+interactive:])
	return append(due, bulk...), err
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
	b, err := l.breaker(ctx, merchantID)
	if err != nil {
		return Breaker{}, fmt.Errorf("ledger: breaker: %w", err)
	}
	return b, nil
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
