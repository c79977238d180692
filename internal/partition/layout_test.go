package partition_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
)

func TestBegin(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		if l := open(t, rdb); l.Layout().Partitions != 1 || len(l.All()) != 1 || len(l.Streams()) != 1 || l.Streams()[0] != "{hpp}:results" {
			t.Fatalf("%+v, %q", l.Layout(), l.Streams())
		}
		// A consumer may have come first.
		if err := rdb.XGroupCreateMkStream(ctx, "{hpp}:results", "billing", "0").Err(); err != nil {
			t.Fatal(err)
		}
		if l := begin(t, rdb, 3); l.Layout().Partitions != 3 || len(l.All()) != 4 || len(l.Streams()) != 4 || l.Namespaces()[0] != ns {
			t.Fatalf("%+v, %q", l.Layout(), l.Streams())
		}
		begin(t, rdb, 3)
		for _, n := range []int{1, 6} {
			if err := partition.Begin(ctx, rdb, ns, n); !errors.Is(err, partition.ErrInUse) {
				t.Errorf("%d instead of 3: %v", n, err)
			}
		}
		var bounds *partition.OutOfBoundsError
		for _, n := range []int{0, -1, partition.Most + 1} {
			if err := partition.Begin(ctx, rdb, ns, n); !errors.As(err, &bounds) {
				t.Errorf("%d partitions: %v", n, err)
			}
		}
	})
}

// TestBeginRefusesWhatIsInUse: orders that are there already would not be found in other partitions.
func TestBeginRefusesWhatIsInUse(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := open(t, rdb)
		accept(t, l, ledger.Accepted, submission(1, ""))
		settle(t, l, 1, false)
		if err := partition.Begin(ctx, rdb, ns, 2); !errors.Is(err, partition.ErrInUse) {
			t.Errorf("%v", err)
		}
		if err := partition.Begin(ctx, rdb, ns, 1); err != nil {
			t.Errorf("the number that it has: %v", err)
		}
	})
}

// TestStaleProcess has one that began before the partitions were set up go on by them: it would take the same order in again.
func TestStaleProcess(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		stale := open(t, rdb)
		now := begin(t, rdb, 3)
		accept(t, now, ledger.Accepted, submissions(0, 10, "")...)
		accept(t, stale, ledger.Known, submissions(0, 10, "")...)
		if stale.Layout().Partitions != 3 {
			t.Errorf("%+v", stale.Layout())
		}
		other := partition.Single(ledger.New(rdb, ns, 0))
		if _, errs := other.AcceptAll(ctx, submissions(10, 11, "")); !errors.Is(errs[0], partition.ErrMoving) {
			t.Errorf("whoever can not find out: %v", errs[0])
		}
	})
}

func TestGrow(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		stale := open(t, rdb)
		accept(t, stale, ledger.Accepted, submissions(0, 20, "")...)
		settle(t, stale, 0, false)
		settle(t, stale, 1, true)
		if _, err := partition.Grow(ctx, rdb, ns, 4); err != nil {
			t.Fatal(err)
		}
		l := open(t, rdb)
		accept(t, stale, ledger.Known, submissions(2, 10, "")...)
		accept(t, l, ledger.Known, submissions(2, 20, "")...)
		accept(t, l, ledger.Accepted, submissions(20, 30, "")...)
		accept(t, stale, ledger.Known, submissions(20, 30, "")...)
		accept(t, stale, ledger.Accepted, submissions(30, 40, "")...)
		for i := range 40 {
			if at := holders(t, l, i); len(at) != 1 || (i < 20) != (at[0] == ns) {
				t.Errorf("%s is in %q", key(i), at)
			}
		}
		reissue := submission(0, "")
		reissue.Reissue = 1
		accept(t, l, ledger.Accepted, reissue)
		if at := holders(t, l, 0); !slices.Equal(at, []string{ns}) {
			t.Errorf("another generation is in %q", at)
		}
		if r, err := l.Replay(ctx, key(1), 1, ledger.NewNonce()); err != nil || r.Namespace != ns {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := partition.Grow(ctx, rdb, ns, 6); err != nil {
			t.Fatal(err)
		}
		if got := open(t, rdb).Layout(); got.Partitions != 6 || !slices.Equal(got.Former, []int{4, 1}) {
			t.Errorf("%+v", got)
		}
		accept(t, l, ledger.Known, submissions(2, 40, "")...)
		accept(t, l, ledger.Accepted, submissions(40, 50, "")...)
		var remembered *partition.RememberedError
		if _, err := partition.Forget(ctx, rdb, ns, 1); !errors.As(err, &remembered) || remembered.Partition != ns {
			t.Errorf("it has orders: %v", err)
		}
		for i := range 20 {
			rdb.Del(ctx, l.Keys().Record(key(i)))
		}
		if got, err := partition.Forget(ctx, rdb, ns, 1); err != nil || !slices.Equal(got.Former, []int{4}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestLookUpsFindOutByThemselves: an order that another process took in after the partitions became more was unknown.
func TestLookUpsFindOutByThemselves(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		stale := open(t, rdb)
		if _, err := partition.Grow(ctx, rdb, ns, 4); err != nil {
			t.Fatal(err)
		}
		accept(t, open(t, rdb), ledger.Accepted, submission(1, ""))
		stale.LookNow()
		if _, found, err := stale.Get(ctx, key(1)); err != nil || !found {
			t.Errorf("found %v, %v", found, err)
		}
	})
}

// TestRegressionBackToAFormerNumber goes 1, 3, 1, 3, with an order that is known since each of them, and asks processes that still
// know any of the layouts: whoever looked at the number alone took it in again.
func TestRegressionBackToAFormerNumber(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		var processes []*partition.Ledger
		for i, n := range []int{1, 3, 1, 3, 6, 3} {
			if _, err := partition.Grow(ctx, rdb, ns, n); err != nil {
				t.Fatal(err)
			}
			l := open(t, rdb)
			processes = append(processes, l)
			accept(t, l, ledger.Accepted, submissions(10*i, 10*i+10, "")...)
		}
		for _, l := range processes {
			accept(t, l, ledger.Known, submissions(0, 60, "")...)
		}
		for i := range 60 {
			if at := holders(t, processes[0], i); len(at) != 1 {
				t.Errorf("%s is in %q", key(i), at)
			}
		}
	})
}

// TestRegressionTwoChangeTheNumberAtOnce: the partitions of one of them were not known as former ones, nor what was in them.
func TestRegressionTwoChangeTheNumberAtOnce(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		first := interrupted(t, rdb.Options().Addr)
		first.do = func() error {
			if _, err := partition.Grow(ctx, rdb, ns, 3); err != nil {
				t.Error(err)
			}
			accept(t, open(t, rdb), ledger.Accepted, submissions(0, 10, "")...)
			return nil
		}
		first.before.Store(1) // it has read the layout
		if _, err := partition.Grow(ctx, first.rdb, ns, 6); err != nil {
			t.Fatal(err)
		}
		l := open(t, rdb)
		if got := l.Layout(); got.Partitions != 6 || !slices.Equal(got.Former, []int{3, 1}) {
			t.Errorf("%+v", got)
		}
		accept(t, l, ledger.Known, submissions(0, 10, "")...)
	})
}

// TestRegressionForgetsNothingThatIsKnown: an order that was settled long after the number was changed is known for as long as any.
func TestRegressionForgetsNothingThatIsKnown(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := open(t, rdb)
		accept(t, l, ledger.Accepted, submission(1, ""))
		if _, err := partition.Grow(ctx, rdb, ns, 3); err != nil {
			t.Fatal(err)
		}
		settle(t, l, 1, false)
		var remembered *partition.RememberedError
		if _, err := partition.Forget(ctx, rdb, ns, 1); !errors.As(err, &remembered) {
			t.Fatalf("%v", err)
		}
		accept(t, open(t, rdb), ledger.Known, submission(1, ""))
	})
}

// TestRegressionReplayFindsOutByItself: a process that knew of one partition did not look for a failed order anywhere else.
func TestRegressionReplayFindsOutByItself(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		stale := open(t, rdb)
		if _, err := partition.Grow(ctx, rdb, ns, 4); err != nil {
			t.Fatal(err)
		}
		now := open(t, rdb)
		accept(t, now, ledger.Accepted, submission(1, ""))
		settle(t, now, 1, true)
		stale.LookNow()
		if r, err := stale.Replay(ctx, key(1), 1, ledger.NewNonce()); err != nil || r.Generation != 2 {
			t.Errorf("%+v %v", r, err)
		}
	})
}

// TestRegressionChangeThatWasInterrupted is finished by whoever meets it, wherever it was.
func TestRegressionChangeThatWasInterrupted(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		crash := interrupted(t, rdb.Options().Addr)
		crash.do = func() error { return errCrash }
		for at := int64(0); ; at++ {
			rdb.FlushDB(ctx)
			for i, n := range []int{3, 1} {
				if _, err := partition.Grow(ctx, rdb, ns, n); err != nil {
					t.Fatal(err)
				}
				accept(t, open(t, rdb), ledger.Accepted, submissions(100*i+100, 100*i+110, "")...)
			}
			crash.before.Store(at)
			_, err := partition.Grow(ctx, crash.rdb, ns, 3)
			accept(t, open(t, rdb), ledger.Known, append(submissions(100, 110, ""), submissions(200, 210, "")...)...)
			accept(t, open(t, rdb), ledger.Accepted, submissions(0, 20, "")...)
			if err == nil {
				return
			}
		}
	})
}

// TestRegressionChangeAfterOneThatWasInterrupted: with both half done, two partitions took an order, from processes of two layouts.
func TestRegressionChangeAfterOneThatWasInterrupted(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		crash := interrupted(t, rdb.Options().Addr)
		crash.do = func() error { return errCrash }
		grow := func(n int, at int64) {
			crash.before.Store(at)
			_, _ = partition.Grow(ctx, crash.rdb, ns, n)
			crash.before.Store(-1)
		}
		for first := range int64(8) {
			for second := range int64(10) {
				rdb.FlushDB(ctx)
				processes := []*partition.Ledger{open(t, rdb)}
				grow(3, first)
				processes = append(processes, open(t, rdb))
				grow(1, second)
				processes = append(processes, open(t, rdb))
				for i, one := range processes {
					accept(t, one, ledger.Accepted, submissions(10*i, 10*i+5, "")...)
					for _, other := range processes {
						accept(t, other, ledger.Known, submissions(10*i, 10*i+5, "")...)
					}
				}
			}
		}
	})
}

// TestRegressionSlowChangeOpensNothing has a change be overtaken by another one after its layout was stored: what it goes on with is
// over.
func TestRegressionSlowChangeOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		slow := interrupted(t, rdb.Options().Addr)
		slow.do = func() error {
			_, err := partition.Grow(ctx, rdb, ns, 1)
			return err
		}
		if _, err := partition.Grow(ctx, rdb, "other", 3); err != nil { // so that Redis knows the scripts
			t.Fatal(err)
		}
		slow.before.Store(2)
		if _, err := partition.Grow(ctx, slow.rdb, ns, 3); err != nil {
			t.Fatal(err)
		}
		for _, name := range append(partition.Names(ns, 3), ns) {
			want := "closed 2"
			if name == ns {
				want = "open 2"
			}
			if got := rdb.Get(ctx, ledger.NamespaceKeys(name).Moved()).Val(); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
}
