package stream_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/stream"
)

// die has a consumer be handed all that is new, and never be heard of again.
func (b *bench) die(t testing.TB, consumer string) {
	t.Helper()
	b.rdb.XGroupCreateMkStream(ctx, keys.Orders(), stream.Group, "0")
	err := b.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: stream.Group, Consumer: consumer, Streams: []string{keys.Orders(), ">"}, Block: -1}).Err()
	if err != nil {
		t.Fatal(err)
	}
}

// handedOut has all that is pending look as if it had been handed out so often, so long ago.
func (b *bench) handedOut(t testing.TB, deliveries int, ago time.Duration, ids ...string) {
	t.Helper()
	for _, id := range ids {
		err := b.rdb.Do(ctx, "XCLAIM", keys.Orders(), stream.Group, "dead", 0, id, "IDLE", ago.Milliseconds(), "RETRYCOUNT", deliveries).Err()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func hasty(c *stream.Config) { c.Abandoned = 10 * soon }

func TestEntriesOfTheDeadAreTakenOver(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.add(t, "order", event("M1", "r0", 1))
		bad := b.add(t, "order", "x")
		b.die(t, "dead")
		b.add(t, "order", event("M1", "r1", 1))
		b.start(t, hasty)
		b.settled(t)
		b.wantOrders(t, "M1", "r0", "r1")
		wantRejected(t, "x", b.answers(t)[bad], bad, order.Key{}, "")
	})
}

func TestManyEntriesOfTheDead(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 1100 {
			b.add(t, "order", event("M1", ref(i), 1), "lane", "bulk")
		}
		b.die(t, "dead")
		b.start(t, hasty)
		b.settled(t)
		if n := b.rdb.ZCard(ctx, keys.Queued(order.Bulk)).Val(); n != 1100 {
			t.Errorf("%d orders", n)
		}
	})
}

func TestOwnEntriesAreRecoveredAtOnceByWhoKeepsItsName(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.add(t, "order", event("M1", "r0", 1))
		b.die(t, "me")
		b.start(t, func(c *stream.Config) { c.Consumer, c.Abandoned = "me", time.Hour })
		b.settled(t)
		b.wantOrders(t, "M1", "r0")
	})
}

// TestLivingConsumersKeepWhatTheyHold has one that Redis refuses orders from for much longer than entries may be abandoned.
func TestLivingConsumersKeepWhatTheyHold(t *testing.T) {
	b := newBench(t, redistest.Server(t))
	refused := make(chan struct{}, 1000)
	var well atomic.Bool
	slow := func(c *stream.Config) { c.Abandoned, c.Consumer = time.Second, "slow" }
	b.start(t, slow, commands{before: func(cmd redis.Cmder) error {
		if !accepts(cmd) || well.Load() {
			return nil
		}
		refused <- struct{}{}
		return errOOM
	}})
	b.add(t, "order", event("M1", "r0", 1))
	await(t, refused)
	begin := time.Now()
	b.start(t, func(c *stream.Config) { c.Abandoned = time.Second })
	for time.Since(begin) < 3*time.Second {
		await(t, refused)
		p, err := b.rdb.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: keys.Orders(), Group: stream.Group, Start: "-", End: "+", Count: 1}).Result()
		if err != nil || len(p) != 1 || p[0].Consumer != "slow" || p[0].RetryCount != 1 {
			t.Fatalf("after %v: %+v %v", time.Since(begin), p, err)
		}
	}
	well.Store(true)
	b.settled(t)
}

func TestPoisonIsRefusedAndSuspectsAreAlone(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var ids []string
		for i := range 4 {
			ids = append(ids, b.add(t, "order", event("M1", ref(i), 1)))
		}
		b.die(t, "dead")
		b.handedOut(t, stream.Poison, time.Hour, ids[1])
		b.handedOut(t, stream.Suspect, time.Hour, ids[0], ids[2])
		b.handedOut(t, 1, time.Hour, ids[3])
		together := 0
		b.start(t, hasty, pipelines(func(cmds []redis.Cmder) {
			n := 0
			for _, cmd := range cmds {
				if accepts(cmd) {
					n++
				}
			}
			together = max(together, n)
		}))
		b.settled(t)
		b.wantOrders(t, "M1", "r0", "r2", "r3")
		if b.knows(t, key("M1", "r1")) || together != 1 {
			t.Errorf("poison was tried, or %d suspects together", together)
		}
		wantRejected(t, "poison", b.answers(t)[ids[1]], ids[1], order.Key{}, "")
		if a := b.answers(t); len(a) != 1 || a[ids[1]][0].Type != results.OrderRejected {
			t.Errorf("%+v", a)
		}
	})
}

// TestDeletedEntries has some deleted that were handed out: there is nothing to do about them.
func TestDeletedEntries(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		first := b.add(t, "order", event("M1", "r0", 1))
		b.add(t, "order", event("M1", "r1", 1))
		b.die(t, "me")
		b.rdb.XDel(ctx, keys.Orders(), first)
		b.start(t, func(c *stream.Config) { c.Consumer = "me" })
		b.settled(t)
		b.wantOrders(t, "M1", "r1")
		if b.knows(t, key("M1", "r0")) {
			t.Error("an order of nothing")
		}
	})
}

// TestSilentConsumersAreRemovedUnlessTheyHoldEntries needs XINFO to tell the silence, and so the real kind of Redis.
func TestSilentConsumersAreRemovedUnlessTheyHoldEntries(t *testing.T) {
	b := newBench(t, redistest.Server(t))
	b.rdb.XGroupCreateMkStream(ctx, keys.Orders(), stream.Group, "0")
	for _, name := range []string{"me", "holder", "gone"} {
		b.rdb.XGroupCreateConsumer(ctx, keys.Orders(), stream.Group, name)
	}
	b.add(t, "order", "x")
	b.die(t, "holder")
	p := newProcess(t, b.addr, func(c *stream.Config) { c.Consumer = "me" })
	defer p.close()
	consumers := func() (names []string) {
		for _, c := range b.rdb.XInfoConsumers(ctx, keys.Orders(), stream.Group).Val() {
			names = append(names, c.Name)
		}
		return names
	}
	if err := p.Tidy(ctx); err != nil || len(consumers()) != 3 {
		t.Fatalf("%v, %q are left: none was silent for long", err, consumers())
	}
	if err := p.Retire(ctx, 0); err != nil || len(consumers()) != 1 || consumers()[0] != "holder" {
		t.Errorf("%v, %q are left", err, consumers())
	}
}

func TestTidyKeepsWhatWasNotHandled(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		short := func(c *stream.Config) { c.Keep, c.KeepDead = time.Nanosecond, time.Nanosecond }
		p := newProcess(t, b.addr, short)
		defer p.close()
		tidy := func(what string, orders, dead int64) {
			t.Helper()
			eventually(t, what, func() bool { // ids are no older than the clock only for a millisecond
				if err := p.Tidy(ctx); err != nil {
					t.Fatal(err)
				}
				return b.rdb.XLen(ctx, keys.Orders()).Val() == orders && b.rdb.XLen(ctx, keys.DeadLetters()).Val() == dead
			})
		}
		tidy("nothing is there", 0, 0)
		b.rdb.Del(ctx, keys.Orders())
		for i := range 3 {
			b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Orders(), ID: fmt.Sprint("1-", i+1), Values: []any{"order", event("M1", ref(i), 1)}})
		}
		tidy("there was no group yet", 3, 0)
		b.die(t, "dead")
		tidy("nothing is acknowledged", 3, 0)
		b.rdb.XAck(ctx, keys.Orders(), stream.Group, "1-1", "1-3")
		tidy("the one in the middle is not acknowledged", 2, 0)
		b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.DeadLetters(), ID: "1-1", Values: []string{"order", "x"}})
		b.rdb.XAck(ctx, keys.Orders(), stream.Group, "1-2")
		tidy("all is handled", 0, 0)
	})
}
