package results_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func join(t testing.TB, r *results.Reader, name, consumer string) *results.Group {
	t.Helper()
	g, err := r.Join(ctx, name, consumer)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// unacknowledged returns how many events the group has handed out and not seen acknowledged.
func unacknowledged(t testing.TB, rdb *redis.Client, group string) int64 {
	t.Helper()
	p, err := rdb.XPending(ctx, stream, group).Result()
	if err != nil {
		t.Fatal(err)
	}
	return p.Count
}

func TestGroupReadsAllThereIsOnce(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		refs := numbered(1100)
		publish(t, rdb, refs...)
		s := newSeen()
		for range 2 {
			if err := join(t, r, "g", "one").Read(ctx, false, s.add); err != nil {
				t.Fatal(err)
			}
		}
		if s.want(t, refs...); unacknowledged(t, rdb, "g") != 0 {
			t.Errorf("%d events are not acknowledged", unacknowledged(t, rdb, "g"))
		}
		other := newSeen()
		if err := join(t, r, "other", "one").Read(ctx, false, other.add); err != nil {
			t.Fatal(err)
		}
		other.want(t, refs...)
	})
}

func TestGroupOfAStreamThatIsNotThere(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		g, s := join(t, r, "g", "one"), newSeen()
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		publish(t, rdb, "a")
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		s.want(t, "a")
	})
}

func TestGroupSharesAmongItsConsumers(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		one, two := newSeen(), newSeen()
		stopOne := background(t, func(ctx context.Context) error { return join(t, r, "g", "one").Read(ctx, true, one.add) })
		stopTwo := background(t, func(ctx context.Context) error { return join(t, r, "g", "two").Read(ctx, true, two.add) })
		refs := numbered(40)
		for _, ref := range refs {
			publish(t, rdb, ref)
			select {
			case <-one.came:
			case <-two.came:
			case <-time.After(patience):
				t.Fatalf("%s came to nobody", ref)
			}
		}
		if err := errors.Join(stopOne(), stopTwo()); err != nil {
			t.Error(err)
		}
		got := append(one.all(), two.all()...)
		slices.Sort(got)
		if slices.Sort(refs); !slices.Equal(got, refs) || unacknowledged(t, rdb, "g") != 0 {
			t.Errorf("got %q, %d not acknowledged", got, unacknowledged(t, rdb, "g"))
		}
	})
}

func TestGroupAcknowledgesWhatWasHandledAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		publish(t, rdb, "a", "b", "c")
		g, s := join(t, r, "g", "one"), newSeen()
		err := g.Read(ctx, false, func(e results.Event) error {
			if e.Ref == "b" {
				return errStop
			}
			return s.add(e)
		})
		if s.want(t, "a"); !errors.Is(err, errStop) || unacknowledged(t, rdb, "g") != 2 {
			t.Errorf("%v, %d not acknowledged", err, unacknowledged(t, rdb, "g"))
		}
		publish(t, rdb, "d")
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		if s.want(t, "a", "b", "c", "d"); unacknowledged(t, rdb, "g") != 0 {
			t.Errorf("%d not acknowledged", unacknowledged(t, rdb, "g"))
		}
	})
}

func TestGroupReaderThatIsStoppedHalfWay(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		publish(t, rdb, "a", "b", "c")
		g, s := join(t, r, "g", "one"), newSeen()
		running, cancel := context.WithCancel(ctx)
		if err := g.Read(running, true, func(e results.Event) error { cancel(); return s.add(e) }); err != nil {
			t.Errorf("stopped with %v", err)
		}
		if s.want(t, "a"); unacknowledged(t, rdb, "g") != 2 {
			t.Errorf("%d not acknowledged", unacknowledged(t, rdb, "g"))
		}
	})
}

// die reads all that is new as a consumer that never acknowledges, so long ago as is said.
func die(t *testing.T, rdb *redis.Client, consumer string, ago time.Duration) {
	t.Helper()
	read, err := rdb.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "g", Consumer: consumer, Streams: []string{stream, ">"}}).Result()
	if err != nil {
		t.Fatal(err)
	}
	args := []any{"XCLAIM", stream, "g", consumer, "0"}
	for _, m := range read[0].Messages {
		args = append(args, m.ID)
	}
	if err := rdb.Do(ctx, append(args, "IDLE", ago.Milliseconds())...).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestGroupTakesOverFromTheDead(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		g, s := join(t, r, "g", "alive"), newSeen()
		publish(t, rdb, "a", "b")
		die(t, rdb, "dead", 61*time.Second)
		publish(t, rdb, "c")
		die(t, rdb, "slow", 50*time.Second)
		publish(t, rdb, "d")
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		if s.want(t, "a", "b", "d"); unacknowledged(t, rdb, "g") != 1 {
			t.Errorf("%d not acknowledged, want that of the slow one", unacknowledged(t, rdb, "g"))
		}
	})
}

func TestGroupTakesOverManyPages(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		g, s, refs := join(t, r, "g", "alive"), newSeen(), numbered(1100)
		publish(t, rdb, refs...)
		die(t, rdb, "dead", time.Hour)
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		if s.want(t, refs...); unacknowledged(t, rdb, "g") != 0 {
			t.Errorf("%d not acknowledged", unacknowledged(t, rdb, "g"))
		}
	})
}

// TestGroupPassesOverDeletedEntries has some deleted that were handed out, to this consumer and to a dead one.
func TestGroupPassesOverDeletedEntries(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		g, s := join(t, r, "g", "alive"), newSeen()
		ids := publish(t, rdb, "a", "b")
		die(t, rdb, "alive", 0)
		ids = append(ids, publish(t, rdb, "c", "d")...)
		die(t, rdb, "dead", time.Hour)
		ids = append(ids, publish(t, rdb, "e", "f")...)
		rdb.XDel(ctx, stream, ids[0], ids[2], ids[4])
		if err := g.Read(ctx, false, s.add); err != nil {
			t.Fatal(err)
		}
		if s.want(t, "b", "d", "f"); unacknowledged(t, rdb, "g") != 0 {
			t.Errorf("%d not acknowledged", unacknowledged(t, rdb, "g"))
		}
	})
}

func TestGroupThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		g := join(t, r, "g", "one")
		rdb.XGroupDestroy(ctx, stream, "g")
		if err := g.Read(ctx, true, newSeen().add); err == nil {
			t.Error("reads on as if nothing were")
		}
	})
}

// TestRegressionGroupReadsNothingWhileRedisIsAway: without follow it once ended well, having read nothing.
func TestRegressionGroupReadsNothingWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	for name, dies := range map[string]int32{"at once": 0, "after the unacknowledged": 1, "before what is new": 2} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Mini(t)
			rdb := redistest.Client(t, server.Addr())
			publish(t, rdb, "a")
			g := join(t, results.NewReader(rdb, stream), "g", "one")
			var commands atomic.Int32
			rdb.AddHook(cutAfter{&commands, dies, server.Close})
			if err := g.Read(ctx, false, newSeen().add); err == nil {
				t.Error("ended as if all had been read")
			}
		})
	}
}

// cutAfter takes Redis away after some commands.
type cutAfter struct {
	seen  *atomic.Int32
	after int32
	cut   func()
}

func (c cutAfter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c cutAfter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (c cutAfter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if c.seen.Add(1) == c.after+1 {
			c.cut()
		}
		return next(ctx, cmd)
	}
}
