package results_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/results"
)

// publishAgo appends one event for each age.
func publishAgo(t testing.TB, rdb *redis.Client, ages ...time.Duration) (ids []string) {
	t.Helper()
	now := time.Now()
	for i, age := range ages {
		id := fmt.Sprintf("%d-%d", now.Add(-age).UnixMilli(), i)
		if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: id, Values: values(fmt.Sprint("r", i))}).Err(); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func left(t testing.TB, rdb *redis.Client) (ids []string) {
	t.Helper()
	entries, err := rdb.XRange(ctx, stream, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range entries {
		ids = append(ids, m.ID)
	}
	return ids
}

func wantTrimmed(t *testing.T, r *results.Reader, want int64) {
	t.Helper()
	if n, err := r.Trim(ctx, time.Hour); n != want || err != nil {
		t.Errorf("trimmed %d (%v), want %d", n, err, want)
	}
}

func TestTrim(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		wantTrimmed(t, r, 0)
		if rdb.Exists(ctx, stream).Val() != 0 {
			t.Error("made a stream")
		}
		ids := publishAgo(t, rdb, 4*time.Hour, 3*time.Hour, 2*time.Hour, 59*time.Minute, 0)
		g := join(t, r, "g", "one")
		wantTrimmed(t, r, 0) // the group has read nothing

		err := g.Read(ctx, false, func(e results.Event) error {
			if e.StreamID == ids[1] {
				return errStop
			}
			return nil
		})
		if err == nil {
			t.Fatal("read on")
		}
		wantTrimmed(t, r, 1) // the second is not acknowledged
		if err := g.Read(ctx, false, newSeen().add); err != nil {
			t.Fatal(err)
		}
		join(t, r, "slow", "one")
		wantTrimmed(t, r, 0) // another group has read nothing
		rdb.XGroupDestroy(ctx, stream, "slow")
		wantTrimmed(t, r, 2)
		if got := left(t, rdb); !slices.Equal(got, ids[3:]) {
			t.Errorf("left %q, want %q", got, ids[3:])
		}
	})
}

// TestRegressionTrimBesideAGroupThatHasReadNothing: on the embedded Redis such a group's place has no second part,
// and nothing was ever trimmed beside it.
func TestRegressionTrimBesideAGroupThatHasReadNothing(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		publishAgo(t, rdb, 2*time.Hour)
		join(t, r, "g", "one")
		wantTrimmed(t, r, 0)
	})
}

// TestPropertyTrimKeepsWhatIsNeeded has groups that read and acknowledge at random.
func TestPropertyTrimKeepsWhatIsNeeded(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		rapid.Check(t, func(rt *rapid.T) {
			rdb.Del(ctx, stream)
			ages := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 200), minutes), 0, 20).Draw(rt, "ages")
			slices.SortFunc(ages, func(a, b time.Duration) int { return int(b - a) })
			ids := publishAgo(t, rdb, ages...)
			needed := len(ids) // the first that somebody needs
			if i := slices.IndexFunc(ages, func(age time.Duration) bool { return age < time.Hour }); i >= 0 {
				needed = i
			}
			for i := range rapid.IntRange(0, 3).Draw(rt, "groups") {
				if len(ids) > 0 {
					needed = min(needed, readSome(rt, rdb, fmt.Sprint("g", i), ids))
				}
			}
			n, err := r.Trim(ctx, time.Hour-time.Second)
			if got := left(t, rdb); err != nil || !slices.Equal(got, ids[needed:]) || int(n) != needed {
				rt.Fatalf("trimmed %d of %d (%v), left %q; want the first %d to go", n, len(ids), err, got, needed)
			}
		})
	})
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// readSome has a new group read some entries and acknowledge some of these, and returns the first that it still needs.
func readSome(t *rapid.T, rdb *redis.Client, group string, ids []string) int {
	if err := rdb.XGroupCreate(context.Background(), stream, group, results.Start).Err(); err != nil {
		t.Fatal(err)
	}
	read := rapid.IntRange(0, len(ids)).Draw(t, group+" reads")
	if read == 0 {
		return 0
	}
	args := &redis.XReadGroupArgs{Group: group, Consumer: "one", Streams: []string{stream, ">"}, Count: int64(read), Block: -1}
	if err := rdb.XReadGroup(ctx, args).Err(); err != nil {
		t.Fatal(err)
	}
	needed := read
	for i := read - 1; i >= 0; i-- {
		if rapid.Bool().Draw(t, "acknowledges") {
			rdb.XAck(ctx, stream, group, ids[i])
		} else {
			needed = i
		}
	}
	return needed
}
