package ledger

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Slots takes the next n slots of a merchant's rate limit, an interval apart, for orders of a
// lane. It returns how long from now the first one is; it may be past by an interval, so that a
// merchant who was idle does not wait. All workers of the namespace share the limit.
func (l *Ledger) Slots(ctx context.Context, merchantID string, lane order.Lane, interval time.Duration, n int) (time.Duration, error) {
	keys := []string{l.keys.Slots(merchantID, order.Interactive), l.keys.Slots(merchantID, order.Bulk)}
	return l.wait(ctx, l.scripts.slots, keys, interval.Microseconds(), n, flag(lane == order.Interactive))
}

// Gate takes the next n calls that a merchant's rate limit lets through, an interval apart, if the first of them is no further
// ahead than that. It returns how long from now the first one is. Slots are for lining up, as far ahead as there are orders; the gate
// is for the calls themselves, so that orders which come back from their line too late, or all at once, still keep the rate. It has
// one line for all lanes: who is to go first is for those to say who ask.
func (l *Ledger) Gate(ctx context.Context, merchantID string, interval time.Duration, n int, ahead time.Duration) (time.Duration, error) {
	keys := []string{l.keys.Gate(merchantID, order.Bulk), l.keys.Gate(merchantID, order.Interactive)}
	return l.wait(ctx, l.scripts.gate, keys, interval.Microseconds(), n, ahead.Microseconds())
}

// wait runs a script that returns how long to wait.
func (l *Ledger) wait(ctx context.Context, s *redis.Script, keys []string, args ...any) (time.Duration, error) {
	text, err := s.Run(ctx, l.rdb, keys, args...).Text()
	if err != nil {
		return 0, fmt.Errorf("ledger: slots: %w", err)
	}
	us, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("ledger: slots: %w", err)
	}
	return time.Duration(us) * time.Microsecond, nil
}

// Retimed is an order that waits for its slot at another rate now.
type Retimed struct {
	Due
	In time.Duration // until its slot
}

// Retime moves the orders of a merchant that wait for their slots to where those are when there is an interval between
// two of them, 0 for no limit, and hands each page of them to f, for new tasks. It looks at all orders that wait, and is
// safe to repeat: those that are in their new places are left alone.
func (l *Ledger) Retime(ctx context.Context, merchantID string, interval time.Duration, f func([]Retimed) error) error {
	return l.retime(ctx, merchantID, []order.Lane{order.Interactive, order.Bulk}, interval, f)
}

// RetimeMail is Retime for emails, which have a rate of their own.
func (l *Ledger) RetimeMail(ctx context.Context, merchantID string, interval time.Duration, f func([]Retimed) error) error {
	return l.retime(ctx, merchantID, []order.Lane{Mailing}, interval, f)
}

func (l *Ledger) retime(ctx context.Context, merchantID string, lanes []order.Lane, interval time.Duration, f func([]Retimed) error) error {
	prefix := escaped(merchantID) + ":"
	for _, lane := range lanes {
		var cursor uint64
		for {
			page, next, err := l.rdb.ZScan(ctx, l.keys.Queued(lane), cursor, prefix+"*", retimePage).Result()
			if err != nil {
				return fmt.Errorf("ledger: retime: %w", err)
			}
			if err := l.retimePage(ctx, lane, page, interval, f); err != nil {
				return err
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return nil
}

const retimePage = 1000

// retimePage retimes a page of members and scores.
func (l *Ledger) retimePage(ctx context.Context, lane order.Lane, page []string, interval time.Duration, f func([]Retimed) error) error {
	var keys []order.Key
	var calls []call
	for i := 0; i < len(page); i += 2 {
		key, err := order.ParseKey(page[i])
		if err != nil {
			return fmt.Errorf("ledger: retime: %w", err)
		}
		c := l.ofOrder(key, interval.Microseconds(), "")
		if lane == Mailing {
			c = l.ofEmail(key, interval.Microseconds(), "1")
		}
		keys, calls = append(keys, key), append(calls, c)
	}
	replies, errs := l.runAll(ctx, l.scripts.retime, calls, false)
	var moved []Retimed
	for i, r := range replies {
		if errs[i] != nil {
			return fmt.Errorf("ledger: retime: %w", errs[i])
		}
		if r.word == "retimed" {
			due := Due{Key: keys[i], Lane: lane, TaskID: TaskID(keys[i], r.values["task"]), Namespace: l.namespace}
			moved = append(moved, Retimed{Due: due, In: millis(r.values["wait"])})
		}
	}
	if len(moved) == 0 {
		return nil
	}
	return f(moved)
}
