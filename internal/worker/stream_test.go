package worker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/worker"
)

// patience is how long anything is waited for that ought to come, with two busy cores in mind.
const patience = 30 * time.Second

// events returns all that is on the result stream.
func (b *bench) events(t *testing.T) []results.Event {
	t.Helper()
	var all []results.Event
	_, err := results.NewReader(b.rdb, b.ledger.Keys().Results()).Read(ctx, results.Start, func(e results.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// await returns the events once there are n of them.
func (b *bench) await(t *testing.T, n int) []results.Event {
	t.Helper()
	deadline, after := time.Now().Add(patience), results.Start
	for seen := 0; seen < n; {
		read, err := b.rdb.XRead(ctx, &redis.XReadArgs{
			Streams: []string{b.ledger.Keys().Results(), after}, Block: time.Until(deadline),
		}).Result()
		if time.Now().After(deadline) {
			t.Fatalf("%d events after %v, want %d; orders: %+v", seen, patience, n, b.counts(t))
		}
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		entries := read[0].Messages
		seen, after = seen+len(entries), entries[len(entries)-1].ID
	}
	return b.events(t)
}

// eventually polls, for what no stream tells.
func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// idle waits until asynq has no task any more, so that nothing further can happen by itself.
func (b *bench) idle(t *testing.T) {
	t.Helper()
	eventually(t, "asynq's queues are empty", func() bool { return b.tasks(t) == 0 })
}

// tasks counts what asynq holds and will work on.
func (b *bench) tasks(t *testing.T) (n int64) {
	t.Helper()
	for _, lane := range lanes {
		of := "asynq:{" + queue.Name(ns, lane) + "}:"
		n += b.rdb.LLen(ctx, of+"pending").Val() + b.rdb.LLen(ctx, of+"active").Val() +
			b.rdb.ZCard(ctx, of+"retry").Val() + b.rdb.ZCard(ctx, of+"scheduled").Val()
	}
	return n
}

// drive hands a task to the worker until it is done with, as asynq would, except that the time it is to wait for
// passes at once. It returns the waits, and what the worker said last.
func (b *bench) drive(t *testing.T, w *worker.Worker, task queue.Task) (waits []time.Duration, last error) {
	t.Helper()
	for range 10 {
		last = w.Handle(ctx, task)
		var retry queue.Retry
		if !errors.As(last, &retry) {
			return waits, last
		}
		waits = append(waits, retry.After)
		b.timePasses(t)
	}
	return waits, last
}

// timePasses ends the wait of every order.
func (b *bench) timePasses(t *testing.T) {
	t.Helper()
	records, err := b.rdb.Keys(ctx, "{"+ns+"}:order:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if b.rdb.HGet(ctx, r, "state").Val() == "queued" {
			b.rdb.HDel(ctx, r, "wait")
		}
	}
}

// data decodes the data of an event of the type that is wanted.
func data[T any](t *testing.T, e results.Event, kind string) T {
	t.Helper()
	if e.Type != kind {
		t.Fatalf("%s about %s: %s, want %s", e.Type, e.Key(), e.Data, kind)
	}
	d, err := results.Decode[T](e)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// only returns the one event there is.
func (b *bench) only(t *testing.T) results.Event {
	t.Helper()
	all := b.events(t)
	if len(all) != 1 {
		t.Fatalf("%d events, want one: %+v", len(all), all)
	}
	return all[0]
}
