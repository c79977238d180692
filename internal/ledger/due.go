package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// Grace is how long after its time an order is left alone before the ledger counts its task
// as lost: longer than asynq takes to move a waiting task into its queue, and than a
// producer takes between Accept and enqueueing.
const Grace = 5 * time.Second

// Waiting describes the tasks of a lane that still wait in their queue.
type Waiting struct {
	Empty  bool
	Oldest []order.Key // those that have waited longest
	Since  time.Time   // when the oldest was queued, by the clock of whoever queued it; zero when nobody knows
}

// Due is an order that nobody works on although its time has come.
type Due struct {
	Key       order.Key
	Lane      order.Lane
	TaskID    string // the id to enqueue its new task under
	Namespace string // of the queue
}

// Idle reports whether nothing at all is owed that a reaper could have to give back: no order and no email is queued, being
// sent or held.
func (l *Ledger) Idle(ctx context.Context) (bool, error) {
	k := l.keys
	n, err := l.rdb.Exists(ctx, k.Tripped(), k.MailTripped(), k.Queued(order.Interactive), k.Queued(order.Bulk), k.Queued(Mailing),
		k.Sending(order.Interactive), k.Sending(order.Bulk), k.Sending(Mailing)).Result()
	if err != nil {
		return false, fmt.Errorf("ledger: idle: %w", err)
	}
	return n == 0, nil
}

// Due takes up to limit orders of a lane whose lease ran out or whose task is lost. Two
// callers never get the same order within Grace.
func (l *Ledger) Due(ctx context.Context, lane order.Lane, w Waiting, limit int) ([]Due, error) {
	since := ""
	if !w.Empty {
		since = fmt.Sprint(w.Since.UnixMilli())
	}
	args := []any{Grace.Milliseconds(), limit, since}
	for _, key := range w.Oldest {
		args = append(args, key.String())
	}
	items, err := l.scripts.due.Run(ctx, l.rdb, []string{l.keys.Queued(lane), l.keys.Sending(lane)}, args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("ledger: due: %w", err)
	}
	due, err := l.dueOf(lane, items[0], items[1:])
	if err != nil {
		return nil, fmt.Errorf("ledger: due: %w", err)
	}
	return due, nil
}

// dueOf reads the keys that a script answered.
func (l *Ledger) dueOf(lane order.Lane, stamp string, keys []string) ([]Due, error) {
	due := make([]Due, 0, len(keys))
	for _, k := range keys {
		key, err := order.ParseKey(k)
		if err != nil {
			return nil, err
		}
		due = append(due, Due{Key: key, Lane: lane, TaskID: TaskID(key, stamp), Namespace: l.namespace})
	}
	return due, nil
}

// Counts says how many orders are where.
type Counts struct {
	Queued, Sending map[order.Lane]int
	Held            int // by their merchants' breakers
	Mailing         int // links that are issued and whose email is owed, however it stands
	FailedEmails    int
	Failed          int
	Surplus         int // links that nobody was shown
	Unpublished     int // results that wait until a replica has them
}

// Open is how many orders something is owed for: a link, or the email that carries it.
func (c Counts) Open() int {
	n := c.Held + c.Mailing
	for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
		n += c.Queued[lane] + c.Sending[lane]
	}
	return n
}

// Counts returns how many orders are where, at the cost of a few small commands.
func (l *Ledger) Counts(ctx context.Context) (Counts, error) {
	pipe := l.rdb.Pipeline()
	lanes := []order.Lane{order.Interactive, order.Bulk}
	for _, lane := range lanes {
		pipe.ZCard(ctx, l.keys.Queued(lane))
		pipe.ZCard(ctx, l.keys.Sending(lane))
	}
	mailQueued, mailSending := pipe.ZCard(ctx, l.keys.Queued(Mailing)), pipe.ZCard(ctx, l.keys.Sending(Mailing))
	failedEmails := pipe.ZCard(ctx, l.keys.FailedEmails())
	failed, surplus := pipe.ZCard(ctx, l.keys.Failed()), pipe.XLen(ctx, l.keys.Surplus())
	unpublished := pipe.XLen(ctx, l.keys.Outbox())
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return Counts{}, fmt.Errorf("ledger: counts: %w", err)
	}
	c := Counts{Queued: map[order.Lane]int{}, Sending: map[order.Lane]int{}, Failed: int(failed.Val()), Surplus: int(surplus.Val())}
	c.Unpublished = int(unpublished.Val())
	c.Mailing, c.FailedEmails = int(mailQueued.Val()+mailSending.Val()), int(failedEmails.Val())
	for i, lane := range lanes {
		c.Queued[lane] = int(cmds[2*i].(interface{ Val() int64 }).Val())
		c.Sending[lane] = int(cmds[2*i+1].(interface{ Val() int64 }).Val())
	}
	breakers, err := l.Breakers(ctx)
	if err != nil {
		return c, err
	}
	for _, b := range breakers {
		c.Held += b.Held
	}
	mail, err := l.MailBreakers(ctx)
	for _, b := range mail {
		c.Mailing += b.Held
	}
	return c, err
}
