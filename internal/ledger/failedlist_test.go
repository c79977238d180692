package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// fail works an open order until it has failed.
func fail(l *ledger.Ledger, k order.Key, f ledger.Failure) error {
	c, err := l.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		return fmt.Errorf("claim: %+v %w", c, err)
	}
	got, err := l.Fail(ctx, c.Attempt, f)
	if err != nil || got != ledger.SettledFailed {
		return fmt.Errorf("fail: %s %w", got, err)
	}
	return nil
}

var refused = ledger.Failure{Code: "rejected", Message: "no", Asked: true}

func newFailed(t *testing.T, l *ledger.Ledger, k order.Key, f ledger.Failure) {
	t.Helper()
	accept(t, l, submission(k, "red"))
	if err := fail(l, k, f); err != nil {
		t.Fatal(err)
	}
}

// refsAfter reads the list to its end.
func refsAfter(t *testing.T, l *ledger.Ledger, c ledger.Cursor, n int) (refs []string) {
	t.Helper()
	for {
		page, next, err := l.FailedAfter(ctx, c, n)
		if err != nil || len(page) > n {
			t.Fatalf("a page of %d (%d asked for): %v", len(page), n, err)
		}
		for _, o := range page {
			refs = append(refs, o.Key.Ref)
		}
		if next == c {
			return refs
		}
		c = next
	}
}

func TestFailedOrderAsListed(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		k := order.Key{MerchantID: "M:1", Ref: "注文/7"}
		s := submission(k, "red")
		s.Lane = order.Bulk
		accept(t, l, s)
		got, err := l.Release(ctx, claim(t, l, k), ledger.Return{Asked: true, Uncertain: true, Why: "timeout"})
		settle(t, ledger.SettledReleased, got, err)
		before, err := l.Cutoff(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := fail(l, k, ledger.Failure{Code: "gave_up", Message: "no answer", Asked: true}); err != nil {
			t.Fatal(err)
		}
		after, err := l.Cutoff(ctx)
		if err != nil {
			t.Fatal(err)
		}
		page, _, err := l.FailedAfter(ctx, ledger.Cursor{}, 10)
		if err != nil || len(page) != 1 {
			t.Fatalf("%+v %v", page, err)
		}
		o := page[0]
		if o.FailedAt.Before(before) || !o.FailedAt.Before(after) {
			t.Errorf("failed at %v, want it from %v until before %v", o.FailedAt, before, after)
		}
		want := ledger.FailedOrder{
			Key: k, Generation: 1, Lane: order.Bulk, Code: "gave_up", Message: "no answer", Attempts: 2, Uncertain: true, FailedAt: o.FailedAt,
		}
		if diff := cmp.Diff(want, o); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFailedSince(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		l := ledger.NewWithTestClock(rdb)
		for second, ref := range []string{"a", "b", "c"} {
			rdb.Set(ctx, ledger.TestClock, (1_700_000_000+second)*1_000_000, 0)
			newFailed(t, l, key(ref), refused)
		}
		if got := refsAfter(t, l, ledger.FailedSince(time.Unix(1_700_000_001, 0)), 1); !cmp.Equal(got, []string{"b", "c"}) {
			t.Errorf("since b failed: %v", got)
		}
		if got := refsAfter(t, l, ledger.FailedSince(time.Time{}), 2); !cmp.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("since ever: %v", got)
		}
	})
}

// All that fail within one millisecond share a score, by which alone a page would begin.
func TestManyFailedInOneMillisecond(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		l := ledger.NewWithTestClock(rdb)
		rdb.Set(ctx, ledger.TestClock, 1_700_000_000_000_000, 0)
		var want []string
		for i := range 50 {
			want = append(want, fmt.Sprintf("r%02d", i))
			newFailed(t, l, key(want[i]), refused)
		}
		if got := refsAfter(t, l, ledger.Cursor{}, 7); !cmp.Equal(got, want) {
			t.Errorf("got %v", got)
		}
	})
}

func TestFailedNamed(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		for _, ref := range []string{"failed", "replayed", "discarded", "issued"} {
			accept(t, l, submission(key(ref), "red"))
		}
		for _, ref := range []string{"failed", "replayed", "discarded"} {
			if err := fail(l, key(ref), refused); err != nil {
				t.Fatal(err)
			}
		}
		_, err := l.Replay(ctx, key("replayed"), 1, ledger.NewNonce())
		got, issueErr := l.Issue(ctx, claim(t, l, key("issued")), ledger.Issuance{Link: usualLink})
		if err := errors.Join(err, l.Discard(ctx, key("discarded"), 1), issueErr); err != nil {
			t.Fatal(got, err)
		}
		want := map[string]string{"failed": "failed true", "replayed": "queued false", "discarded": "failed false", "issued": "issued false", "unknown": " false"}
		var keys []order.Key
		for _, ref := range slices.Sorted(maps.Keys(want)) {
			keys = append(keys, key(ref))
		}
		named, err := l.FailedNamed(ctx, keys)
		if err != nil || len(named) != len(keys) {
			t.Fatal(named, err)
		}
		for i, o := range named {
			if got := fmt.Sprint(o.State, " ", o.Listed); o.Key != keys[i] || got != want[o.Key.Ref] {
				t.Errorf("%s: %s, want %s", keys[i], got, want[keys[i].Ref])
			}
		}
	})
}

// TestFailedListWhileOrdersMove moves one order between the two reads that make a page.
func TestFailedListWhileOrdersMove(t *testing.T) {
	moves := map[string]func(l *ledger.Ledger, k order.Key) error{
		"replayed": func(l *ledger.Ledger, k order.Key) error {
			_, err := l.Replay(ctx, k, 1, ledger.NewNonce())
			return err
		},
		"discarded": func(l *ledger.Ledger, k order.Key) error { return l.Discard(ctx, k, 1) },
		"failed again": func(l *ledger.Ledger, k order.Key) error {
			_, err := l.Replay(ctx, k, 1, ledger.NewNonce())
			return errors.Join(err, fail(l, k, refused))
		},
	}
	for name, move := range moves {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, addr string) {
				l, reading := ledger.New(redistest.Client(t, addr), "hpp", 0), redistest.Client(t, addr)
				newFailed(t, l, key("moves"), refused)
				if _, err := l.Cutoff(ctx); err != nil { // so that it fails again in another millisecond
					t.Fatal(err)
				}
				newFailed(t, l, key("stays"), refused)
				reading.AddHook(&beforePipeline{do: func() error { return move(l, key("moves")) }})
				page, _, err := ledger.New(reading, "hpp", 0).FailedAfter(ctx, ledger.Cursor{}, 10)
				if err != nil || len(page) != 1 || page[0].Key != key("stays") {
					t.Errorf("the page has %+v %v, want the one that stays", page, err)
				}
			})
		})
	}
}

// beforePipeline does something once, before the first pipeline of a client.
type beforePipeline struct{ do func() error }

func (h *beforePipeline) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (h *beforePipeline) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *beforePipeline) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		// Connections greet Redis in a pipeline as well.
		if do := h.do; do != nil && cmds[0].Name() == "hmget" {
			h.do = nil
			if err := do(); err != nil {
				return err
			}
		}
		return next(ctx, cmds)
	}
}

// TestFailedListIsStable reads the list page by page while orders fail, fail again, are replayed
// and discarded: whatever stays failed is read once, and nothing twice in one generation.
func TestFailedListIsStable(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		rapid.Check(t, func(t *rapid.T) {
			must(t, rdb.FlushAll(ctx).Err())
			w := &listing{l: ledger.NewWithTestClock(rdb), rdb: rdb, ms: 1_700_000_000_000, failed: map[string]int{}, moved: map[string]bool{}}
			for range rapid.IntRange(0, 12).Draw(t, "changes before") {
				w.change(t)
			}
			w.read(t)
		})
	})
}

// listing is a list of failed orders that changes.
type listing struct {
	l        *ledger.Ledger
	rdb      *redis.Client
	ms       int64
	failed   map[string]int // the generation of those that are failed
	moved    map[string]bool
	handedIn int
}

// change does one thing with one order; often in the millisecond of the change before.
func (w *listing) change(t *rapid.T) {
	w.ms += rapid.Int64Range(0, 1).Draw(t, "ms")
	must(t, w.rdb.Set(ctx, ledger.TestClock, w.ms*1000, 0).Err())
	ref := rapid.StringMatching(`[a-h]`).Draw(t, "ref")
	w.moved[ref] = true
	if gen, listed := w.failed[ref]; listed {
		delete(w.failed, ref)
		if rapid.Bool().Draw(t, "discard") {
			must(t, w.l.Discard(ctx, key(ref), gen))
			return
		}
		_, err := w.l.Replay(ctx, key(ref), gen, ledger.NewNonce())
		must(t, err)
	} else {
		w.handedIn++ // other content, so that an order that was discarded is a new one
		_, err := w.l.Accept(ctx, submission(key(ref), fmt.Sprint("content", w.handedIn)))
		must(t, err)
	}
	if rapid.Bool().Draw(t, "fails") {
		c, err := w.l.Claim(ctx, key(ref), ledger.NewNonce(), time.Minute, nil)
		must(t, err)
		_, err = w.l.Fail(ctx, c.Attempt, refused)
		must(t, err)
		w.failed[ref] = c.Attempt.Generation
	}
}

func (w *listing) read(t *rapid.T) {
	w.moved = map[string]bool{}
	began := maps.Clone(w.failed)
	seen := map[string]int{}
	var c ledger.Cursor
	var last time.Time
	for range 1000 {
		page, next, err := w.l.FailedAfter(ctx, c, rapid.IntRange(1, 4).Draw(t, "page size"))
		must(t, err)
		for _, o := range page {
			if seen[o.Key.Ref] >= o.Generation || o.FailedAt.Before(last) {
				t.Fatalf("%s of generation %d at %v: seen before is %v, until %v", o.Key, o.Generation, o.FailedAt, seen, last)
			}
			seen[o.Key.Ref], last = o.Generation, o.FailedAt
		}
		if next == c {
			break
		}
		c = next
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			w.change(t)
		}
	}
	for ref, gen := range began {
		if !w.moved[ref] && seen[ref] != gen {
			t.Fatalf("%s stayed failed, and was read as generation %d, want %d", ref, seen[ref], gen)
		}
	}
}
