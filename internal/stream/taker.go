package stream

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	// awaitAtMost is how long one wait at the server takes, and so how long a stop may.
	awaitAtMost = time.Second
	// suspect entries were handed out this often: they are handled alone, so that what ends the process does not take
	// the same entries with it again and again.
	suspect = 3
)

// taker reads the stream of orders. What it was handed and could not bring to an end, because Redis did not say, it
// holds and tries again together with what comes next, in the order of the stream.
type taker struct {
	group     group
	desk      *desk
	abandoned time.Duration
	atMost    time.Duration // of one wait at the server
	log       *slog.Logger

	held    []entry
	busy    bool   // the last read found something: there may be more, so there is no need to wait for it
	behind  string // where to go on among what the group says is ours; "" when all of that was read
	cursor  string // where to go on looking for what others left
	looked  time.Time
	renewed time.Time
	trouble bool // Redis is known to be unwell
	backoff backoff.BackOff
	wait    time.Duration // before what is held is tried again
	read    atomic.Int64  // when the stream was read last, in nanoseconds since 1970; for Ready
}

func newTaker(g group, d *desk, abandoned time.Duration, log *slog.Logger) *taker {
	return &taker{
		group: g, desk: d, abandoned: abandoned, atMost: awaitAtMost, log: log, behind: fromStart, cursor: fromStart, looked: time.Now(),
		backoff: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(100*time.Millisecond), backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0)),
	}
}

func (t *taker) run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := t.fill(ctx)
		if err != nil {
			t.mend(ctx, err)
		} else {
			t.read.Store(time.Now().UnixNano())
		}
		t.settle(ctx)
		if err == nil && len(t.held) == 0 {
			t.well()
		}
	}
	if len(t.held) > 0 {
		return fmt.Errorf("stream: %d entries were not finished, because Redis did not answer: another process takes them over", len(t.held))
	}
	return nil
}

// fill adds to what is held, as far as there is room.
func (t *taker) fill(ctx context.Context) error {
	if t.behind == "" && (time.Since(t.looked) >= t.abandoned/3 || t.cursor != fromStart) {
		if err := t.takeOver(ctx); err != nil {
			return err
		}
	}
	n := t.space()
	if n == 0 {
		pause(ctx, t.wait)
		return nil
	}
	read := t.fresh
	if t.behind != "" {
		read = t.old
	}
	entries, err := read(ctx, n)
	t.held = append(t.held, entries...)
	return err
}

// space is how many entries more may be held.
func (t *taker) space() int {
	if weight(t.held) > batchBytes {
		return 0
	}
	return batchEntries - len(t.held)
}

// takeOver makes entries our own that others were handed and gave no sign of life about, and such of our own whose
// delivery never reached us.
func (t *taker) takeOver(ctx context.Context) (err error) {
	var taken int
	if taken, t.cursor, err = t.group.takeOver(ctx, t.abandoned, t.cursor); err != nil {
		return err
	}
	t.looked = time.Now()
	if taken > 0 {
		t.behind = fromStart
		t.log.Warn("entries of the stream that nobody finished are taken over", "entries", taken)
	}
	return nil
}

// old reads on among what the group says is ours. Some of it may be in our hands.
func (t *taker) old(ctx context.Context, n int) ([]entry, error) {
	entries, err := t.group.read(ctx, t.behind, n)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		t.behind = ""
		return nil, nil
	}
	t.behind = entries[len(entries)-1].id
	return slices.DeleteFunc(entries, t.holds), nil
}

func (t *taker) holds(e entry) bool {
	return slices.ContainsFunc(t.held, func(h entry) bool { return h.id == e.id })
}

// fresh reads what is new, and waits for it if there was none the last time.
func (t *taker) fresh(ctx context.Context, n int) (entries []entry, err error) {
	if !t.busy {
		entries, err = t.group.await(ctx, t.patience())
		if err != nil || len(entries) == 0 {
			return nil, err
		}
	}
	t.busy = true
	if len(entries) == n {
		return entries, nil
	}
	more, err := t.group.read(ctx, fromNew, n-len(entries))
	t.busy = len(more) > 0
	return append(entries, more...), err
}

func (t *taker) patience() time.Duration {
	if len(t.held) > 0 {
		return min(t.wait, t.atMost)
	}
	return t.atMost
}

// mend does what can be done about a read that failed. Its reply may have been lost with entries in it, so what is ours
// is read again.
func (t *taker) mend(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	t.behind, t.busy = fromStart, false
	if isGone(err) {
		if err = t.group.create(ctx); err == nil {
			return
		}
	}
	t.unwell(err)
	pause(ctx, t.backoff.NextBackOff())
}

// settle brings to an end what is held.
func (t *taker) settle(ctx context.Context) {
	if len(t.held) == 0 {
		return
	}
	late, cancel := finishing(ctx)
	defer cancel()
	before := len(t.held)
	var err error
	t.held, err = t.handle(late)
	if len(t.held) == 0 {
		return
	}
	t.renew(late)
	if len(t.held) < before {
		t.backoff.Reset()
	}
	t.wait = t.backoff.NextBackOff()
	t.unwell(err)
}

// handle returns the entries that are still to be handled, and why.
func (t *taker) handle(ctx context.Context) (left []entry, err error) {
	var together []entry
	var alone [][]entry
	for _, e := range t.held {
		if e.deliveries < suspect {
			together = append(together, e)
		} else {
			alone = append(alone, []entry{e})
		}
	}
	for _, batch := range append([][]entry{together}, alone...) {
		more, why := t.desk.handle(ctx, t.group, batch)
		left, err = append(left, more...), cmp.Or(why, err)
	}
	return left, err
}

// renew keeps others from taking over what is held, while it is tried again.
func (t *taker) renew(ctx context.Context) {
	if time.Since(t.renewed) < t.abandoned/3 {
		return
	}
	if err := t.group.renew(ctx, t.held); err == nil {
		t.renewed = time.Now()
	}
}

func (t *taker) unwell(err error) {
	if !t.trouble {
		t.trouble = true
		t.log.Warn("entries of the stream wait: Redis can not be read, or does not take them", "held", len(t.held), "error", err)
	}
}

func (t *taker) well() {
	t.backoff.Reset()
	if t.wait = 0; t.trouble {
		t.trouble = false
		t.log.Info("entries of the stream are taken in again")
	}
}
