package stream_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/stream"
)

func TestEntriesBecomeOrders(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.add(t, "order", event("M1", "before", 1))
		b.start(t, nil)
		b.settled(t)
		b.add(t, "order", event("M1", "urgent", 1), "lane", "interactive", "traceparent", "00-1-1-00")
		b.add(t, "order", event("M1", "later", 1), "lane", "bulk")
		b.add(t, "order", event("M1", "unsaid", 1), "lane", "")
		b.settled(t)
		b.wantOrders(t, "M1", "before", "urgent", "later", "unsaid")
		for lane, want := range map[order.Lane]int64{order.Interactive: 3, order.Bulk: 1} {
			if n := b.rdb.ZCard(ctx, keys.Queued(lane)).Val(); n != want {
				t.Errorf("%d orders in lane %s, want %d", n, lane, want)
			}
		}
		if n := b.rdb.XLen(ctx, keys.Orders()).Val(); n != 4 || len(b.answers(t)) != 0 {
			t.Errorf("%d entries are there still, answers %v", n, b.answers(t))
		}
	})
}

func TestManyEntriesAndIntakes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var refs []string
		for i := range 1200 {
			refs = append(refs, fmt.Sprint("r", i))
			b.add(t, "order", event("M1", refs[i], i+1), "lane", "bulk")
		}
		b.start(t, nil)
		b.start(t, nil)
		b.settled(t)
		b.wantOrders(t, "M1", refs...)
		if n := b.rdb.ZCard(ctx, keys.Queued(order.Bulk)).Val(); n != 1200 {
			t.Errorf("%d orders", n)
		}
	})
}

// hostile entries are answered as rejected, about these fields.
var hostile = map[string]struct {
	entry  []any
	fields []string
	key    order.Key
}{
	"no field order":       {entry: []any{"data", "{}"}, fields: []string{""}},
	"no field order, lane": {entry: []any{"lane", "slow"}, fields: []string{"", "lane"}},
	"no order":             {entry: []any{"order", ""}, fields: []string{""}},
	"no JSON":              {entry: []any{"order", "\xff\x00"}, fields: []string{""}},
	"no object":            {entry: []any{"order", "[]"}, fields: []string{""}},
	"unknown lane":         {[]any{"order", event("M1", "r", 1), "lane", "Bulk"}, []string{"lane"}, key("M1", "r")},
	"lane and order":       {[]any{"order", event("M1", "r", -1), "lane", "x"}, []string{"lane", "/amount"}, key("M1", "r")},
	"unknown merchant":     {[]any{"order", event("M9", "r", 1)}, []string{"/billing_address", "/merchant_email", "/payment_method", "/return_url", "/merchant_id"}, key("M9", "r")},
	"10 MB":                {entry: []any{"order", strings.Repeat(" ", 10<<20)}, fields: []string{""}},
	"10 MB elsewhere":      {entry: []any{"order", "{", strings.Repeat("n", 10<<20), strings.Repeat("v", 100)}, fields: []string{""}},
	"9,000 fields":         {entry: manyFields(9000), fields: []string{""}},
	"deeply nested":        {entry: []any{"order", strings.Repeat(`{"a":`, 10_000)}, fields: []string{""}},
	"an id of its own":     {entry: []any{"source", "1-1", "order", "?"}, fields: []string{""}},
}

func manyFields(n int) (fields []any) {
	for i := range n {
		fields = append(fields, fmt.Sprint("f", i), "v")
	}
	return fields
}

func TestHostileEntries(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.start(t, nil)
		ids := map[string]string{}
		for name, h := range hostile {
			ids[name] = b.add(t, h.entry...)
			b.add(t, "order", event("M1", "after "+name, 1))
		}
		b.settled(t)
		answers := b.answers(t)
		for name, h := range hostile {
			b.wantOrders(t, "M1", "after "+name)
			wantRejected(t, name, answers[ids[name]], ids[name], h.key, h.fields...)
		}
		if n := b.rdb.XLen(ctx, keys.DeadLetters()).Val(); n != int64(len(hostile)) {
			t.Errorf("%d dead letters, want %d", n, len(hostile))
		}
	})
}

func wantRejected(t *testing.T, name string, answers []results.Event, source string, k order.Key, fields ...string) {
	t.Helper()
	if len(answers) != 1 || answers[0].Type != results.OrderRejected {
		t.Errorf("%s: answered by %+v", name, answers)
		return
	}
	rejected, err := results.Decode[results.Rejected](answers[0])
	var got []string
	for _, p := range rejected.Errors {
		got = append(got, p.Field)
	}
	if err != nil || rejected.SourceID != source || answers[0].Key() != k || !slices.Equal(got, fields) {
		t.Errorf("%s: %+v of %+v (%v), want %q of %+v", name, rejected, answers[0].Key(), err, fields, k)
	}
}

func TestConflictsAndRepeats(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.add(t, "order", event("M1", "r", 1))
		b.add(t, "order", event("M1", "r", 1))
		other := b.add(t, "order", event("M1", "r", 2))
		b.start(t, nil)
		b.settled(t)
		answers := b.answers(t)
		if len(answers) != 1 || len(answers[other]) != 1 {
			t.Fatalf("answers %+v", answers)
		}
		conflict, err := results.Decode[results.Conflict](answers[other][0])
		if err != nil || answers[other][0].Type != results.OrderConflict || !slices.Equal(conflict.Fields, []string{"amount"}) || conflict.SourceID != other {
			t.Errorf("%+v %v", conflict, err)
		}
	})
}

func TestGroupIsMadeAgain(t *testing.T) {
	for name, harm := range map[string]func(b *bench){
		"group destroyed": func(b *bench) { b.rdb.XGroupDestroy(ctx, keys.Orders(), stream.Group) },
		"stream deleted":  func(b *bench) { b.rdb.Del(ctx, keys.Orders()) },
		"flushed":         func(b *bench) { b.rdb.FlushAll(ctx); b.rdb.ScriptFlush(ctx) },
		"another type": func(b *bench) {
			b.rdb.Set(ctx, keys.Orders(), "x", 0)
			b.rdb.Del(ctx, keys.Orders())
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				b.start(t, nil)
				b.add(t, "order", event("M1", "before", 1))
				b.settled(t)
				harm(b)
				b.add(t, "order", event("M1", "after", 1))
				b.settled(t)
				b.wantOrders(t, "M1", "after")
			})
		})
	}
}

func TestEntriesOfAnyWeightFitIntoMemory(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const size = 1 << 20
		b.rdb.XGroupCreateMkStream(ctx, keys.Orders(), stream.Group, "0")
		for range 600 {
			b.add(t, "order", "{}")
		}
		for range 30 {
			b.add(t, "order", strings.Repeat("x", size))
		}
		largest, entries := 0, 0
		for {
			sizes, err := stream.ReadNew(ctx, b.rdb, keys.Orders(), "one", stream.BatchEntries)
			if err != nil {
				t.Fatal(err)
			}
			if len(sizes) == 0 {
				break
			}
			entries, largest = entries+len(sizes), max(largest, sum(sizes))
		}
		if entries != 630 || largest > stream.BatchBytes+8*(size+10) {
			t.Errorf("%d entries, up to %d bytes at once", entries, largest)
		}
	})
}

// TestEntriesHandedOutFitIntoMemory is for the kind of Redis that a second process can meet.
func TestEntriesHandedOutFitIntoMemory(t *testing.T) {
	b := newBench(t, redistest.Server(t))
	b.rdb.XGroupCreateMkStream(ctx, keys.Orders(), stream.Group, "0")
	for range 30 {
		b.add(t, "order", strings.Repeat("x", 1<<20))
	}
	b.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: stream.Group, Consumer: "one", Streams: []string{keys.Orders(), ">"}})
	sizes, err := stream.ReadOld(ctx, b.rdb, keys.Orders(), "one", "0-0", stream.BatchEntries)
	if err != nil || len(sizes) == 0 || sum(sizes) > stream.BatchBytes+8*(1<<20+10) {
		t.Errorf("%d entries of %d bytes, %v", len(sizes), sum(sizes), err)
	}
}

func sum(all []int) (n int) {
	for _, x := range all {
		n += x
	}
	return n
}

func TestLogHoldsNoPersonalData(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var out bytes.Buffer
		id := b.add(t, "order", `{"merchant_id":"M1","merchant_txn_ref":"r7","currency":"JPY","merchant_email":"jane@doe.example","amount":"jane@doe.example"}`, "lane", "jane@doe.example")
		b.add(t, "order", "jane@doe.example")
		stop := b.start(t, func(c *stream.Config) {
			c.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		b.settled(t)
		stop()
		if text := out.String(); strings.Contains(text, "jane") || strings.Count(text, "level=WARN") != 2 ||
			!strings.Contains(text, "entry="+id+" merchant=M1 ref=r7 problems=2") {
			t.Error(text)
		}
	})
}
