package results_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func TestEventAsItIsRead(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		id := publish(t, rdb, "注文 7")[0]
		var got results.Event
		if _, err := r.Read(ctx, results.Start, func(e results.Event) error { got = e; return nil }); err != nil {
			t.Fatal(err)
		}
		want := results.Event{
			V: "1", ID: "M1:注文 7:1:link.issued", Type: "link.issued", MerchantID: "M1", Ref: "注文 7", Generation: 1,
			Time: time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC), Stream: stream, StreamID: id,
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(results.Event{}, "Data")); diff != "" {
			t.Error(diff)
		}
		d, err := results.Decode[results.Issued](got)
		if err != nil || d.URL != "https://x.example/注文 7" || got.Key() != (order.Key{MerchantID: "M1", Ref: "注文 7"}) {
			t.Errorf("%+v %v about %v", d, err, got.Key())
		}
		if _, err := results.Decode[[]string](got); err == nil || !strings.Contains(err.Error(), got.ID) {
			t.Errorf("data of another form: %v", err)
		}
	})
}

func TestReadOfManyPages(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		refs := numbered(1203)
		ids := publish(t, rdb, refs...)
		s := newSeen()
		last, err := r.Read(ctx, results.Start, s.add)
		if s.want(t, refs...); err != nil || last != ids[1202] {
			t.Errorf("came to %s, %v", last, err)
		}
		s = newSeen()
		last, err = r.Read(ctx, ids[1199], s.add)
		if s.want(t, "r1200", "r1201", "r1202"); err != nil || last != ids[1202] {
			t.Errorf("came to %s, %v", last, err)
		}
		if last, err = r.Read(ctx, last, s.add); err != nil || last != ids[1202] {
			t.Errorf("came to %s, %v", last, err)
		}
	})
}

func TestReadStopsWhereItsReaderDoes(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		ids := publish(t, rdb, numbered(3)...)
		last, err := r.Read(ctx, results.Start, func(e results.Event) error {
			if e.Ref == "r1" {
				return errStop
			}
			return nil
		})
		if !errors.Is(err, errStop) || last != ids[0] {
			t.Errorf("came to %s, %v; want %s", last, err, ids[0])
		}
	})
}

// foreign are entries that no ledger wrote.
var foreign = [][]any{
	{"foo", "bar"},
	{"type", "link.issued", "merchant_id", "M1", "merchant_txn_ref", "x", "generation", "many", "time", "yesterday", "data", "{"},
}

// TestRegressionForeignEntriesEndNoReader: one entry that was no result ended every reader for good.
func TestRegressionForeignEntriesEndNoReader(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		want := []results.Event{{Stream: stream}, {Type: "link.issued", MerchantID: "M1", Ref: "x", Stream: stream}}
		for i, values := range foreign {
			want[i].StreamID = rdb.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: values}).Val()
		}
		publish(t, rdb, "good")
		var got []results.Event
		keep := func(e results.Event) error {
			if got = append(got, e); len(got) == 3 {
				return errStop
			}
			return nil
		}
		readers := map[string]func() error{
			"read":   func() error { _, err := r.Read(ctx, results.Start, keep); return err },
			"follow": func() error { return r.Follow(ctx, results.Start, keep) },
			"group":  func() error { return join(t, r, "g", "one").Read(ctx, false, keep) },
		}
		for name, read := range readers {
			got = nil
			if err := read(); !errors.Is(err, errStop) || got[2].Ref != "good" {
				t.Fatalf("%s: %v after %+v", name, err, got)
			}
			if diff := cmp.Diff(want, got[:2]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if _, err := json.Marshal(got); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestFollowWakesForWhatIsPublished(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		ids := publish(t, rdb, "before", "a")
		s := newSeen()
		stop := background(t, func(ctx context.Context) error { return r.Follow(ctx, ids[0], s.add) })
		s.await(t, 1)
		publish(t, rdb, "b", "c")
		s.await(t, 2)
		if s.want(t, "a", "b", "c"); stop() != nil {
			t.Errorf("stopped with %v", stop())
		}
	})
}

func TestFollowEndsWithItsReader(t *testing.T) {
	each(t, func(t *testing.T, r *results.Reader, rdb *redis.Client) {
		publish(t, rdb, "a")
		if err := r.Follow(ctx, results.Start, func(results.Event) error { return errStop }); !errors.Is(err, errStop) {
			t.Errorf("got %v", err)
		}
	})
}

// TestReadThatCanNeverSucceed is for the real Redis: miniredis lets a read of any key wait.
func TestReadThatCanNeverSucceed(t *testing.T) {
	rdb := redistest.Client(t, redistest.Server(t))
	r := results.NewReader(rdb, stream)
	rdb.Set(ctx, stream, "no stream", 0)
	if err := r.Follow(ctx, results.Start, newSeen().add); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("follow: %v", err)
	}
	if _, err := r.Read(ctx, results.Start, newSeen().add); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("read: %v", err)
	}
}

func TestFollowSurvivesARestartOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := redistest.Client(t, server.Addr)
	r, s, shared := results.NewReader(rdb, stream), newSeen(), newSeen()
	group, err := r.Join(ctx, "g", "one")
	if err != nil {
		t.Fatal(err)
	}
	stopReader := background(t, func(ctx context.Context) error { return r.Follow(ctx, results.Start, s.add) })
	stopGroup := background(t, func(ctx context.Context) error { return group.Read(ctx, true, shared.add) })
	publish(t, rdb, "a")
	s.await(t, 1)
	shared.await(t, 1)
	server.Kill()
	server.Restart(t)
	publish(t, rdb, "b")
	s.await(t, 1)
	shared.await(t, 1)
	s.want(t, "a", "b")
	if err := errors.Join(stopReader(), stopGroup()); err != nil {
		t.Error(err)
	}
}

// TestRegressionUnblockedByAFailover: a Redis that becomes a replica sends its waiting clients away with UNBLOCKED.
func TestRegressionUnblockedByAFailover(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t)
	rdb := redistest.Client(t, server.Addr)
	r, s, shared := results.NewReader(rdb, stream), newSeen(), newSeen()
	group, err := r.Join(ctx, "g", "one")
	if err != nil {
		t.Fatal(err)
	}
	stopReader := background(t, func(ctx context.Context) error { return r.Follow(ctx, results.Start, s.add) })
	stopGroup := background(t, func(ctx context.Context) error { return group.Read(ctx, true, shared.add) })
	unblock(t, rdb, "cmd=xread")
	unblock(t, rdb, "cmd=xreadgroup")
	publish(t, rdb, "a")
	s.await(t, 1)
	shared.await(t, 1)
	if err := errors.Join(stopReader(), stopGroup()); err != nil {
		t.Error(err)
	}
}

// unblock sends a client away that waits with this command.
func unblock(t *testing.T, rdb *redis.Client, command string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		for line := range strings.Lines(rdb.ClientList(ctx).Val()) {
			fields := strings.Fields(line)
			id, _ := strings.CutPrefix(fields[0], "id=")
			if slices.Contains(fields, command) && rdb.Do(ctx, "CLIENT", "UNBLOCK", id, "ERROR").Val() == int64(1) {
				return
			}
		}
	}
	t.Fatalf("nobody waits with %s", command)
}
