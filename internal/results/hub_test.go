package results_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func keyOf(ref string) order.Key { return order.Key{MerchantID: "M1", Ref: ref} }

// hub runs a hub until the test, or whoever calls stop, has had enough.
func hub(t *testing.T, r *results.Reader) (h *results.Hub, stop func() error) {
	t.Helper()
	h = results.NewHub(r, slog.New(slog.DiscardHandler))
	return h, background(t, func(ctx context.Context) error { h.Run(ctx); return nil })
}

func watch(t *testing.T, h *results.Hub, ref string) *results.Watch {
	t.Helper()
	late, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w, err := h.Watch(late, keyOf(ref))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func wantEvent(t *testing.T, w *results.Watch, ref string) results.Event {
	t.Helper()
	select {
	case e := <-w.Events():
		if e.Ref != ref {
			t.Fatalf("woken by %q, not %q", e.Ref, ref)
		}
		return e
	case <-time.After(patience):
		t.Fatalf("waited in vain for %q", ref)
	}
	return results.Event{}
}

func wantNone(t *testing.T, w *results.Watch) {
	t.Helper()
	select {
	case e := <-w.Events():
		t.Errorf("woken by %q", e.Ref)
	default:
	}
}

func TestHubWakesThoseWhoWaitForAnOrder(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		publish(t, rdb, "a", "注文 / 7") // before anybody waits
		h, _ := hub(t, r)
		a, again, other := watch(t, h, "a"), watch(t, h, "a"), watch(t, h, "注文 / 7")
		publish(t, rdb, "x", "a")
		wantEvent(t, a, "a")
		wantEvent(t, again, "a")
		wantNone(t, other)
		publish(t, rdb, "注文 / 7")
		wantEvent(t, other, "注文 / 7")
		wantNone(t, a)
	})
}

// TestHubNeverMisses: whatever is published after Watch returned is handed out, while others come and go so that the hub
// falls idle and begins anew.
func TestHubNeverMisses(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		h, _ := hub(t, r)
		for i := range 50 {
			ref := fmt.Sprint("r", i)
			w := watch(t, h, ref)
			publish(t, rdb, ref)
			wantEvent(t, w, ref)
			w.Close()
		}
	})
}

func TestHubHandsOutTheNewestToWhoIsSlow(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		h, _ := hub(t, r)
		slow, quick := watch(t, h, "a"), watch(t, h, "z")
		publish(t, rdb, "a", "a", "a")
		add := func(kind, generation string) {
			rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []any{"type", kind, "merchant_id", "M1", "merchant_txn_ref", "a", "generation", generation, "data", "{}"}})
		}
		add(results.LinkFailed, "7")
		add(results.OrderConflict, "0") // ends no generation
		publish(t, rdb, "z")
		wantEvent(t, quick, "z")
		if e := wantEvent(t, slow, "a"); e.Generation != 7 {
			t.Errorf("handed out %+v", e)
		}
		wantNone(t, slow)
	})
}

// counter counts the commands of a client.
type counter struct{ n atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// TestHubReadsOnceHoweverManyWait: over two seconds of waiting the commands are those of one reader; and none when nobody waits.
func TestHubReadsOnceHoweverManyWait(t *testing.T) {
	rdb := redistest.Client(t, redistest.Server(t))
	for _, waiting := range []int{1, 1000} {
		var counted counter
		own := redistest.Client(t, rdb.Options().Addr)
		own.AddHook(&counted)
		h, stop := hub(t, results.NewReader(own, stream))
		all := make([]*results.Watch, waiting)
		for i := range all {
			all[i] = watch(t, h, fmt.Sprint("r", i))
		}
		before := counted.n.Load()
		time.Sleep(2 * time.Second)
		while := counted.n.Load() - before
		publish(t, rdb, numbered(waiting)...)
		for i, w := range all {
			wantEvent(t, w, fmt.Sprint("r", i))
			w.Close()
		}
		time.Sleep(1100 * time.Millisecond) // the read in flight ends
		before = counted.n.Load()
		time.Sleep(500 * time.Millisecond)
		t.Logf("%d waiting: %d commands in 2 s, %d in half a second when nobody waits", waiting, while, counted.n.Load()-before)
		if while > 5 || counted.n.Load() != before {
			t.Errorf("%d waiting: %d commands in 2 s, %d in half a second when nobody waits", waiting, while, counted.n.Load()-before)
		}
		stop()
	}
}

func TestHubOutlivesItsStream(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		h, _ := hub(t, r)
		publish(t, rdb, "old")
		a, b := watch(t, h, "a"), watch(t, h, "b")
		rdb.XTrimMaxLen(ctx, stream, 0)
		publish(t, rdb, "a")
		wantEvent(t, a, "a")
		rdb.Del(ctx, stream)
		rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: "1-1", Values: values("b")}) // by a clock that runs behind
		wantEvent(t, b, "b")
	})
}

func TestHubOutlivesAnOutage(t *testing.T) {
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := redistest.Client(t, server.Addr)
	h, _ := hub(t, results.NewReader(rdb, stream))
	early := watch(t, h, "a")
	server.Kill()
	server.Restart(t)
	publish(t, rdb, "a")
	wantEvent(t, early, "a")
	late := watch(t, h, "b")
	publish(t, rdb, "b")
	wantEvent(t, late, "b")
}

func TestWatchWhileRedisIsAwayEndsWithItsContext(t *testing.T) {
	server := redistest.StartServer(t)
	h, _ := hub(t, results.NewReader(redistest.Client(t, server.Addr), stream))
	server.Kill()
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := h.Watch(short, keyOf("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	server.Restart(t)
	watch(t, h, "a")
}

func TestWatchAfterTheEnd(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, _ *redis.Client) {
		h, stop := hub(t, r)
		w := watch(t, h, "a")
		stop()
		if _, err := h.Watch(ctx, keyOf("b")); !errors.Is(err, results.ErrHubEnded) {
			t.Errorf("got %v", err)
		}
		w.Close()
		w.Close()
	})
}
