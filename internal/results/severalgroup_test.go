package results_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func (b bench) join(t testing.TB, name, consumer string) *results.Group {
	t.Helper()
	return join(t, b.Reader, name, consumer)
}

func (b bench) unacknowledged(t testing.TB, group string) (n int64) {
	t.Helper()
	for _, key := range b.streams {
		p, err := b.rdb.XPending(ctx, key, group).Result()
		if err != nil {
			t.Fatal(err)
		}
		n += p.Count
	}
	return n
}

// die reads all that is new of one stream as a consumer that never acknowledges, so long ago as is said.
func (b bench) die(t *testing.T, key, consumer string, ago time.Duration) {
	t.Helper()
	args := &redis.XReadGroupArgs{Group: "g", Consumer: consumer, Streams: []string{key, ">"}}
	read, err := b.rdb.XReadGroup(ctx, args).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range read[0].Messages {
		if err := b.rdb.Do(ctx, "XCLAIM", key, "g", consumer, 0, m.ID, "IDLE", ago.Milliseconds()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGroupOfSeveral has in every stream an event that was handed out before, one that another consumer abandoned, and new ones.
func TestGroupOfSeveral(t *testing.T) {
	for _, follow := range []bool{false, true} {
		t.Run(fmt.Sprint("follow ", follow), func(t *testing.T) {
			eachOf(t, func(t *testing.T, b bench) {
				g, s := b.join(t, "g", "one"), newSeen()
				want := map[string][]string{}
				for _, key := range b.streams {
					want[key] = []string{"mine" + key, "abandoned" + key, "new" + key, "newer" + key}
					publishIn(t, b.rdb, key, want[key][0])
					b.die(t, key, "one", 0)
					publishIn(t, b.rdb, key, want[key][1])
					b.die(t, key, "dead", time.Hour)
					publishIn(t, b.rdb, key, want[key][2:]...)
				}
				stop := background(t, func(ctx context.Context) error { return g.Read(ctx, follow, s.add) })
				s.await(t, 4*len(b.streams))
				for _, key := range b.streams {
					got := slices.DeleteFunc(s.all(), func(ref string) bool { return !strings.HasSuffix(ref, key) })
					if !slices.Equal(got, want[key]) {
						t.Errorf("of %s %q", key, got)
					}
				}
				if err := stop(); err != nil || len(s.all()) != 4*len(b.streams) || b.unacknowledged(t, "g") != 0 {
					t.Errorf("%v; %q; %d not acknowledged", err, s.all(), b.unacknowledged(t, "g"))
				}
			})
		})
	}
}

func TestGroupOfSeveralReadsAllThereIs(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		refs := numbered(2000)
		b.spread(t, 1000, refs[:1990]...)
		g, s := b.join(t, "g", "one"), newSeen()
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		b.spread(t, 5000, refs[1990:]...)
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		got := s.all()
		slices.Sort(got)
		if slices.Sort(refs); !slices.Equal(got, refs) || b.unacknowledged(t, "g") != 0 {
			t.Errorf("%d events, %d not acknowledged", len(got), b.unacknowledged(t, "g"))
		}
	})
}

// hold waits until the group has handed out so many events that are not acknowledged.
func (b bench) hold(t *testing.T, group string, n int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); b.unacknowledged(t, group) < n; {
		if time.Now().After(deadline) {
			t.Errorf("%d are handed out, not %d", b.unacknowledged(t, group), n)
			return
		}
	}
}

// TestConsumerIsHandedOneAtATime has events of all streams at hand while the first one is handled, and fails.
func TestConsumerIsHandedOneAtATime(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		b.spread(t, 1000, numbered(30)...)
		var calls atomic.Int32
		err := b.join(t, "g", "one").Read(ctx, true, func(results.Event) error {
			calls.Add(1)
			b.hold(t, "g", 30)
			time.Sleep(20 * time.Millisecond) // their readers have them too
			return errStop
		})
		if !errors.Is(err, errStop) || calls.Load() != 1 || b.unacknowledged(t, "g") != 30 {
			t.Errorf("%v; called %d times; %d not acknowledged", err, calls.Load(), b.unacknowledged(t, "g"))
		}
	})
}

// TestConsumerHoldsAPageAtMost: what it holds of several streams it handles one by one, and what waits for longer than a minute
// others take over.
func TestConsumerHoldsAPageAtMost(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		b.spread(t, 1000, numbered(3000)...)
		held := int64(500 / len(b.streams) * len(b.streams))
		err := b.join(t, "g", "one").Read(ctx, true, func(results.Event) error {
			b.hold(t, "g", held)
			return errStop
		})
		if n := b.unacknowledged(t, "g"); n != held || !errors.Is(err, errStop) {
			t.Errorf("held %d; %v", n, err)
		}
	})
}

func TestTrimOfSeveral(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := newBench(redistest.Client(t, addr), 3)
		b.join(t, "slow", "one")
		b.spread(t, 1000, numbered(9)...)
		b.rdb.XGroupDestroy(ctx, b.streams[0], "slow")
		kept := b.rdb.XLen(ctx, b.streams[1]).Val() + b.rdb.XLen(ctx, b.streams[2]).Val()
		n, behind, err := b.Trim(ctx, time.Hour)
		want := []string{"slow of " + b.streams[1], "slow of " + b.streams[2]}
		if n != 9-kept || !slices.Equal(behind, want) || err != nil {
			t.Errorf("trimmed %d, behind %q, %v; %d were to stay", n, behind, err, kept)
		}
		b.rdb.Set(ctx, b.streams[0], "no stream", 0)
		b.rdb.XGroupDestroy(ctx, b.streams[1], "slow")
		if n, behind, err = b.Trim(ctx, time.Hour); n == 0 || len(behind) != 1 || err == nil {
			t.Errorf("beside one that fails: trimmed %d, behind %q, %v", n, behind, err)
		}
	})
}
