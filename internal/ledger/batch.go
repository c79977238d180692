package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// Batch is orders that were handed in together, and how they stand. The counts are of now: they go on changing after the
// batch has finished, when one of its orders is replayed.
type Batch struct {
	ID        string
	Label     string // for people
	State     BatchState
	Run       int  // from 1; one more each time it is opened again
	Sealed    bool // all orders of this run are in
	Cancelled bool // somebody gave it up; what was under way then is not ended by that
	Parted    bool // other partitions have some of its orders: the counts are of those that are here

	Orders  int // that are in it, of which so many are
	Open    int
	Issued  int
	Failed  int
	Refused int // handed in with it and not in it: invalid, or in conflict

	Created  time.Time
	Finished time.Time // zero while it runs
}

// BatchState is where a batch is in its run. It is final once it is not BatchRunning.
type BatchState string

const (
	BatchRunning   BatchState = "running"
	BatchSucceeded BatchState = "succeeded"        // every order has its link
	BatchPartly    BatchState = "partially_failed" // some have none
	BatchFailed    BatchState = "failed"           // none has one
	BatchCancelled BatchState = "cancelled"        // it was given up, however far it came
)

// CodeCancelled is the code of an order that was given up with its batch before it was sent.
const CodeCancelled = "cancelled"

// OpenBatch begins a batch, or returns the one that is there. Where again is set, one that is sealed takes orders again: in
// the same run, or, if it has finished, in another one. One that is cancelled has to finish first. label is for people.
func (l *Ledger) OpenBatch(ctx context.Context, id, label string, again bool) (Batch, error) {
	return l.openBatch(ctx, id, label, again, false)
}

// OpenPart is OpenBatch for a batch of which other partitions have some of the orders: it finishes by CloseBatch alone.
func (l *Ledger) OpenPart(ctx context.Context, id, label string, again bool) (Batch, error) {
	return l.openBatch(ctx, id, label, again, true)
}

func (l *Ledger) openBatch(ctx context.Context, id, label string, again, parted bool) (Batch, error) {
	keys := []string{l.keys.Batches(), l.keys.BatchIndex(), l.keys.BatchOrders(id)}
	if err := l.scripts.openBatch.Run(ctx, l.rdb, keys, id, label, flag(again), flag(parted)).Err(); err != nil {
		return Batch{}, fmt.Errorf("ledger: open batch: %w", err)
	}
	b, _, err := l.Batch(ctx, id)
	return b, err
}

// CloseBatch ends the run of a sealed batch that was opened by OpenPart. all has its counts over all partitions; where publish is
// set, that is published. It is safe to repeat.
func (l *Ledger) CloseBatch(ctx context.Context, all Batch, publish bool) error {
	keys := []string{l.keys.Batches(), l.keys.publishing()}
	err := l.scripts.closeBatch.Run(ctx, l.rdb, keys, all.ID, all.Run, all.Orders, all.Issued, all.Failed, flag(publish)).Err()
	if err != nil {
		return fmt.Errorf("ledger: close batch: %w", err)
	}
	l.published()
	return nil
}

// SealBatch says that all orders of a batch's run are in, and how many were refused: from then on it finishes once none is
// open. It is safe to repeat.
func (l *Ledger) SealBatch(ctx context.Context, id string, run, refused int) error {
	return l.sealBatch(ctx, id, run, refused, false)
}

// CancelBatch gives a batch's run up: no more orders come in. CancelAll ends those that were not sent.
func (l *Ledger) CancelBatch(ctx context.Context, id string, run int) error {
	return l.sealBatch(ctx, id, run, 0, true)
}

func (l *Ledger) sealBatch(ctx context.Context, id string, run, refused int, cancel bool) error {
	keys := []string{l.keys.Batches(), l.keys.BatchOrders(id), l.keys.publishing()}
	if err := l.scripts.sealBatch.Run(ctx, l.rdb, keys, id, run, refused, flag(cancel), l.retention.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("ledger: seal batch: %w", err)
	}
	l.published()
	return nil
}

// Cancellation is an order that is to be given up with its batch.
type Cancellation struct {
	Key      order.Key
	Metadata map[string]string // of the order; it is echoed in its result
}

// CancelAll fails those of a batch's orders that were never sent, with CodeCancelled, and tells of each whether it did, or
// had before. It leaves alone what is settled, under way, may have a link, or is in another batch too. It is safe to
// repeat.
func (l *Ledger) CancelAll(ctx context.Context, batch string, orders []Cancellation) ([]bool, []error) {
	const message = "its batch was cancelled before it was sent"
	calls, cancelled, errs := make([]call, len(orders)), make([]bool, len(orders)), make([]error, len(orders))
	for i, o := range orders {
		data, err := openEnded(failureData{CodeCancelled, message, orEmpty(o.Metadata)})
		if err != nil {
			errs[i] = err
			return cancelled, errs
		}
		calls[i] = l.ofOrder(o.Key, batch, CodeCancelled, message, data)
	}
	replies, errs := l.runAll(ctx, l.scripts.cancel, calls, false)
	l.published()
	for i := range replies {
		cancelled[i] = replies[i].word == "failed"
	}
	return cancelled, named("cancel", errs)
}

// Payloads returns what is kept of orders, as it was handed in with Submission.Order, in one round trip; nil where nothing is
// kept, or no such order is known.
func (l *Ledger) Payloads(ctx context.Context, keys []order.Key) ([][]byte, error) {
	rows := make([]*redis.StringCmd, len(keys))
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			rows[i] = p.Get(ctx, l.keys.Payload(key))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("ledger: payloads: %w", err)
	}
	payloads := make([][]byte, len(keys))
	for i, row := range rows {
		payloads[i], err = row.Bytes()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("ledger: payloads: %w", err)
		}
	}
	return payloads, nil
}

var batchFields = []string{"state", "label", "run", "sealed", "cancelled", "orders", "open", "issued", "failed", "refused", "created", "finished", "parts"}

// Batch returns a batch, or false when there is none of that id.
func (l *Ledger) Batch(ctx context.Context, id string) (Batch, bool, error) {
	all, err := l.batches(ctx, []string{id})
	if err != nil || len(all) == 0 {
		return Batch{}, false, err
	}
	return all[0], true, nil
}

// Batches returns up to n batches, the one opened last first.
func (l *Ledger) Batches(ctx context.Context, n int) ([]Batch, error) {
	ids, err := l.rdb.ZRevRange(ctx, l.keys.BatchIndex(), 0, int64(n)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: batches: %w", err)
	}
	return l.batches(ctx, ids)
}

func (l *Ledger) batches(ctx context.Context, ids []string) ([]Batch, error) {
	rows := make([]*redis.SliceCmd, len(ids))
	_, err := l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			names := make([]string, len(batchFields))
			for j, name := range batchFields {
				names[j] = id + " " + name
			}
			rows[i] = p.HMGet(ctx, l.keys.Batches(), names...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: batches: %w", err)
	}
	var all []Batch
	for i, id := range ids {
		if b, ok := batchOf(id, rows[i].Val()); ok {
			all = append(all, b)
		}
	}
	return all, nil
}

func batchOf(id string, values []any) (Batch, bool) {
	v := make(map[string]string, len(values))
	for i, name := range batchFields {
		v[name], _ = values[i].(string)
	}
	return Batch{
		ID: id, Label: v["label"], State: BatchState(v["state"]), Run: number(v["run"]), Sealed: v["sealed"] == "1",
		Cancelled: v["cancelled"] == "1", Parted: v["parts"] == "1", Orders: number(v["orders"]), Open: number(v["open"]), Issued: number(v["issued"]),
		Failed: number(v["failed"]), Refused: number(v["refused"]), Created: moment(v["created"]), Finished: moment(v["finished"]),
	}, v["state"] != ""
}

// BatchOrders returns up to n orders of a batch, in the order in which they came in, from a place counted from 0.
func (l *Ledger) BatchOrders(ctx context.Context, id string, from, n int) ([]order.Key, error) {
	members, err := l.rdb.LRange(ctx, l.keys.BatchOrders(id), int64(from), int64(from+n)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: orders of a batch: %w", err)
	}
	keys := make([]order.Key, len(members))
	for i, m := range members {
		if keys[i], err = order.ParseKey(m); err != nil {
			return nil, fmt.Errorf("ledger: orders of a batch: %w", err)
		}
	}
	return keys, nil
}

// PruneBatches forgets batches that were opened longer ago than the retention and have nothing open.
func (l *Ledger) PruneBatches(ctx context.Context) error {
	ids, err := l.OldBatches(ctx)
	for i := 0; err == nil && i < len(ids); i++ {
		err = l.PruneBatch(ctx, ids[i])
	}
	return err
}

// OldBatches returns batches that were opened longer ago than the retention, up to 100 of them.
func (l *Ledger) OldBatches(ctx context.Context) ([]string, error) {
	before, err := l.old(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := l.rdb.ZRangeArgs(ctx, redis.ZRangeArgs{Key: l.keys.BatchIndex(), ByScore: true, Start: "-inf", Stop: before, Count: 100}).Result()
	if err != nil {
		return nil, fmt.Errorf("ledger: prune batches: %w", err)
	}
	return ids, nil
}

// PruneBatch forgets a batch, or what this ledger has of it, if it was opened longer ago than the retention and has nothing open here.
func (l *Ledger) PruneBatch(ctx context.Context, id string) error {
	before, err := l.old(ctx)
	if err != nil {
		return err
	}
	keys := []string{l.keys.Batches(), l.keys.BatchIndex(), l.keys.BatchOrders(id)}
	if err := l.scripts.pruneBatch.Run(ctx, l.rdb, keys, id, before).Err(); err != nil {
		return fmt.Errorf("ledger: prune batches: %w", err)
	}
	return nil
}

// old is the time before which a batch was opened longer ago than the retention, in milliseconds since 1970.
func (l *Ledger) old(ctx context.Context) (string, error) {
	now, err := redisconn.Clock(ctx, l.rdb, l.keys.BatchIndex())
	if err != nil {
		return "", fmt.Errorf("ledger: prune batches: %w", err)
	}
	return strconv.FormatInt(now.Add(-l.retention).UnixMilli(), 10), nil
}
