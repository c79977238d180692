package stream_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/stream"
)

// waitingRefs are the refs of a merchant's waiting orders, in order.
func (b *bench) waitingRefs(t testing.TB, merchantID string) (refs []string) {
	t.Helper()
	entries, err := b.rdb.XRange(ctx, keys.Waiting(merchantID), "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range entries {
		o, err := order.Decode([]byte(m.Values["order"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, o.Ref)
	}
	return refs
}

func (b *bench) nobodyWaits() bool {
	return b.rdb.SCard(ctx, keys.WaitingMerchants()).Val() == 0
}

// awaitOrder waits until the ledger knows an order.
func (b *bench) awaitOrder(t testing.TB, merchantID, ref string) {
	t.Helper()
	eventually(t, "the order "+ref+" of "+merchantID, func() bool { return b.knows(t, key(merchantID, ref)) })
}

func TestMerchantWithoutRoomHoldsNobodyUp(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ids := map[string]string{}
		for i := range 8 {
			ref := fmt.Sprint("r", i)
			ids[ref] = b.add(t, "order", event("F1", ref, 1), "lane", "bulk", "extra", "e")
			b.add(t, "order", event("M1", ref, 1))
		}
		b.start(t, nil)
		b.settled(t)
		b.wantOrders(t, "M1", "r0", "r7")
		if got := b.waitingRefs(t, "F1"); !slices.Equal(got, []string{"r3", "r4", "r5", "r6", "r7"}) {
			t.Fatalf("waiting: %q", got)
		}
		first := b.rdb.XRangeN(ctx, keys.Waiting("F1"), "-", "+", 1).Val()[0].Values
		if first[ledger.SourceField] != ids["r3"] || first["lane"] != "bulk" || first["extra"] != "e" {
			t.Errorf("the first waits as %v", first)
		}

		for i := range 5 { // each that leaves lets one in, in order
			b.issue(t, key("F1", fmt.Sprint("r", i)))
			b.awaitOrder(t, "F1", fmt.Sprint("r", i+3))
			eventually(t, "its entry is gone", func() bool { return len(b.waitingRefs(t, "F1")) == 4-i })
			if i+4 < 8 && b.knows(t, key("F1", fmt.Sprint("r", i+4))) {
				t.Errorf("r%d has no room yet", i+4)
			}
		}
		eventually(t, "nobody waits", b.nobodyWaits)
		if n := b.rdb.Exists(ctx, keys.Waiting("F1")).Val(); n != 0 || len(b.answers(t)) != 0 {
			t.Errorf("the stream is left, or an answer: %v", b.answers(t))
		}
	})
}

func TestNewEntriesQueueUpBehindThoseThatWait(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 5 {
			b.add(t, "order", event("F1", fmt.Sprint("r", i), 1))
		}
		stop := b.start(t, nil)
		b.settled(t)
		stop()
		for i := range 3 {
			b.issue(t, key("F1", fmt.Sprint("r", i))) // there is room, but the others were first
		}
		b.rdb.Set(ctx, stream.Lease(keys), "another", 0)
		b.add(t, "order", event("F1", "r5", 1))
		bad := b.add(t, "order", event("F1", "r6", -1))
		b.start(t, nil)
		b.settled(t)
		if got := b.waitingRefs(t, "F1"); !slices.Equal(got, []string{"r3", "r4", "r5"}) || b.knows(t, key("F1", "r5")) {
			t.Errorf("waiting: %q", got)
		}
		b.rdb.Del(ctx, stream.Lease(keys))
		b.awaitOrder(t, "F1", "r5")
		eventually(t, "nobody waits", b.nobodyWaits)
		wantRejected(t, "r6", b.answers(t)[bad], bad, key("F1", "r6"), "/amount")
	})
}

// TestRegressionWaitingOrdersOvertookOneAnother: more were handed to the door than there was room for, and when an order
// was settled between two of them, the first was left and the second taken.
func TestRegressionWaitingOrdersOvertookOneAnother(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 9 {
			b.add(t, "order", event("F1", ref(i), 1))
		}
		stop := b.start(t, nil)
		b.settled(t)
		stop()
		most, issued := 0, 0
		p := newProcess(t, b.addr, nil, pipelines(func(cmds []redis.Cmder) {
			n := 0
			for _, cmd := range cmds {
				if accepts(cmd) {
					n++
				}
			}
			most = max(most, n)
		}))
		defer p.close()
		for _, room := range []int{0, 2, 1} {
			for range room {
				b.issue(t, key("F1", ref(issued)))
				issued++
			}
			if most = 0; p.Drain(ctx) != nil || most != room {
				t.Errorf("%d were handed to the door, with room for %d", most, room)
			}
		}
	})
}

// TestWaitingOrderThatIsNeverTakenHoldsNobodyUp has a record that no script can read.
func TestWaitingOrderThatIsNeverTakenHoldsNobodyUp(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, name := range []string{"r0", "r1", "r2", "broken", "r3", "r4"} {
			b.add(t, "order", event("F1", name, 1))
		}
		b.start(t, nil)
		b.settled(t)
		b.rdb.Set(ctx, keys.Record(key("F1", "broken")), "no record", 0)
		for i := range 2 {
			b.issue(t, key("F1", ref(i)))
		}
		b.awaitOrder(t, "F1", "r3")
		b.issue(t, key("F1", "r2"))
		b.awaitOrder(t, "F1", "r4")
		b.rdb.Del(ctx, keys.Record(key("F1", "broken")))
		b.issue(t, key("F1", "r3"))
		b.awaitOrder(t, "F1", "broken")
		eventually(t, "nobody waits", b.nobodyWaits)
	})
}

// TestAnswersToWaitingEntriesNameTheirSource has one that turns out to be a conflict only after it waited.
func TestAnswersToWaitingEntriesNameTheirSource(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 3 {
			b.add(t, "order", event("F1", fmt.Sprint("r", i), 1))
		}
		first := b.add(t, "order", event("F1", "x", 1))
		second := b.add(t, "order", event("F1", "x", 2))
		b.add(t, "order", event("F1", "y", 1))
		b.start(t, nil)
		b.settled(t)
		b.issue(t, key("F1", "r0"))
		b.awaitOrder(t, "F1", "x")
		b.issue(t, key("F1", "r1"))
		eventually(t, "nobody waits", b.nobodyWaits)
		b.wantOrders(t, "F1", "y")
		answers := b.answers(t)
		if len(answers) != 1 || len(answers[second]) != 1 || answers[second][0].Type != results.OrderConflict || answers[first] != nil {
			t.Errorf("%+v", answers)
		}
		letter := b.rdb.XRange(ctx, keys.DeadLetters(), "-", "+").Val()[0].Values
		if letter["source"] != second || letter["order"] != event("F1", "x", 2) {
			t.Errorf("dead letter %v", letter)
		}
	})
}

func TestWaitingIsLoggedOnceEachWay(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		for i := range 9 {
			b.add(t, "order", event("F1", fmt.Sprint("r", i), 1))
		}
		stop := b.start(t, func(c *stream.Config) { c.Log = log })
		b.settled(t)
		for i := range 9 {
			b.awaitOrder(t, "F1", fmt.Sprint("r", i))
			b.issue(t, key("F1", fmt.Sprint("r", i)))
		}
		eventually(t, "nobody waits", b.nobodyWaits)
		stop()
		if text := out.String(); strings.Count(text, "begin to wait") != 1 || strings.Count(text, "wait no longer") != 1 {
			t.Error(text)
		}
	})
}

// TestClearAfterACrash has entries left that were acknowledged but, because the process died between, not deleted.
func TestClearAfterACrash(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := newProcess(t, b.addr, nil)
		defer p.close()
		defers := func() {
			b.rdb.SAdd(ctx, keys.WaitingMerchants(), "F1")
			b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Waiting("F1"), Values: []string{"order", event("F1", "r", 1)}})
		}
		wantLeft := func(what string, want int64) {
			t.Helper()
			if err := p.Clear(ctx, "F1"); err != nil {
				t.Fatal(err)
			}
			if n, m := b.rdb.XLen(ctx, keys.Waiting("F1")).Val(), b.rdb.SCard(ctx, keys.WaitingMerchants()).Val(); n != want || m != min(want, 1) {
				t.Errorf("%s: %d entries of %d merchants are left, want %d", what, n, m, want)
			}
		}
		defers()
		wantLeft("without a group", 1)
		b.rdb.XGroupCreate(ctx, keys.Waiting("F1"), stream.Group, "0")
		wantLeft("nothing was read", 1)
		read := b.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: stream.Group, Consumer: stream.Drainer, Streams: []string{keys.Waiting("F1"), ">"}}).Val()
		wantLeft("nothing was acknowledged", 1)
		b.rdb.XAck(ctx, keys.Waiting("F1"), stream.Group, read[0].Messages[0].ID)
		defers()
		wantLeft("another came", 2)
		if err := p.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		wantLeft("all were handled", 0)
		wantLeft("nothing is there", 0)
		b.rdb.SAdd(ctx, keys.WaitingMerchants(), "F1")
		wantLeft("only the set says so", 0)
		b.wantOrders(t, "F1", "r")
	})
}

// TestNoEntryIsLostWhileItsStreamIsCleared has entries begin to wait at the very moment the last of them are taken in.
func TestNoEntryIsLostWhileItsStreamIsCleared(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const n = 60
		for range 2 {
			b.start(t, nil)
		}
		var producers sync.WaitGroup
		producers.Go(func() {
			for i := range n {
				b.add(t, "order", event("F1", fmt.Sprint("r", i), 1))
			}
		})
		left := map[order.Key]bool{} // without a link; two processes may take them in in another order
		for i := range n {
			left[key("F1", fmt.Sprint("r", i))] = true
		}
		eventually(t, "all orders", func() bool {
			for k := range left {
				if b.knows(t, k) {
					b.issue(t, k)
					delete(left, k)
				}
			}
			return len(left) == 0
		})
		producers.Wait()
		b.settled(t)
		eventually(t, "nobody waits", b.nobodyWaits)
	})
}

// TestOneProcessDrains: two at a time would do no harm, but everything twice.
func TestOneProcessDrains(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		one, two := newProcess(t, b.addr, nil), newProcess(t, b.addr, nil)
		defer one.close()
		defer two.close()
		b.rdb.SAdd(ctx, keys.WaitingMerchants(), "F1")
		b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Waiting("F1"), Values: []string{"order", event("F1", "r", 1)}})
		b.rdb.Set(ctx, stream.Lease(keys), "another", 0)
		if err := one.Drain(ctx); err != nil || b.knows(t, key("F1", "r")) {
			t.Fatalf("drains although another does: %v", err)
		}
		b.rdb.Del(ctx, stream.Lease(keys))
		if err := one.Drain(ctx); err != nil || !b.knows(t, key("F1", "r")) {
			t.Fatalf("does not drain: %v", err)
		}
		b.rdb.SAdd(ctx, keys.WaitingMerchants(), "F2")
		b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Waiting("F2"), Values: []string{"order", event("F2", "r", 1)}})
		if err := two.Drain(ctx); err != nil || b.knows(t, key("F2", "r")) {
			t.Fatalf("both drain: %v", err)
		}
		if err := one.Drain(ctx); err != nil || !b.knows(t, key("F2", "r")) {
			t.Fatalf("does not drain again: %v", err)
		}
	})
}
