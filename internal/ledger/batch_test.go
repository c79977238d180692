package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func inBatch(k order.Key, content, batch string) ledger.Submission {
	s := submission(k, content)
	s.Batch = batch
	return s
}

func openBatch(t *testing.T, l *ledger.Ledger, id string) ledger.Batch {
	t.Helper()
	b, err := l.OpenBatch(ctx, id, "invoices.csv", false)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func issueOne(t *testing.T, l *ledger.Ledger, k order.Key) {
	t.Helper()
	s, err := l.Issue(ctx, claim(t, l, k), ledger.Issuance{Link: ledger.Link{ID: "L" + k.Ref, URL: "https://x.example/"}})
	settle(t, ledger.SettledIssued, s, err)
}

func TestBatchFinishesOnceWhenItIsSealedAndNothingIsOpen(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		accept(t, l, submission(key("old"), "red"))
		issueOne(t, l, key("old")) // before the batch
		b := openBatch(t, l, "b")
		for _, ref := range []string{"z", "old", "a", "z"} {
			accept(t, l, inBatch(key(ref), "red", "b"))
		}
		issueOne(t, l, key("z"))
		issueOne(t, l, key("a"))
		if b, _, err := l.Batch(ctx, "b"); err != nil || b.State != ledger.BatchRunning || b.Issued != 3 || b.Orders != 3 || b.Open != 0 {
			t.Fatalf("before it is sealed: %+v %v", b, err)
		}
		for range 2 {
			if err := l.SealBatch(ctx, "b", b.Run, 1); err != nil {
				t.Fatal(err)
			}
		}
		all := events(t, rdb, l)
		last := all[len(all)-1]
		if len(all) != 4 || last["type"] != "batch.finished" || last["batch"] != "b" || last["id"] != "b:1:batch.finished" ||
			last["data"] != `{"state":"partially_failed","run":1,"orders":3,"issued":3,"failed":0,"refused":1}` {
			t.Errorf("%d events, last %v", len(all), last)
		}
		if all[1]["batch"] != "b" || all[0]["batch"] != "" {
			t.Errorf("events of orders: %v", all)
		}
		members, err := l.BatchOrders(ctx, "b", 0, 10)
		if want := []order.Key{key("z"), key("old"), key("a")}; err != nil || !slices.Equal(members, want) {
			t.Errorf("%v %v, want %v", members, err, want)
		}
		if b, _, err = l.Batch(ctx, "b"); err != nil || b.Label != "invoices.csv" || b.Finished.IsZero() || !b.Sealed {
			t.Errorf("%+v %v", b, err)
		}
	})
}

func TestTrialChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		openBatch(t, l, "b")
		accept(t, l, submission(key("known"), "red"))
		before := dump(t, rdb)
		got, errs := l.TryAll(ctx, []ledger.Submission{
			inBatch(key("new"), "red", "b"), inBatch(key("known"), "red", "b"), inBatch(key("known"), "blue", "b"),
		})
		want := []ledger.Decision{ledger.Accepted, ledger.Known, ledger.Conflict}
		for i := range got {
			if errs[i] != nil || got[i].Decision != want[i] || got[i].TaskID != "" {
				t.Errorf("%+v %v, want %s", got[i], errs[i], want[i])
			}
		}
		if after := dump(t, rdb); !slices.Equal(before, after) {
			t.Errorf("it changed something:\n%q\n%q", before, after)
		}
	})
}

// dump is all that Redis holds.
func dump(t *testing.T, rdb *redis.Client) (all []string) {
	t.Helper()
	keys := rdb.Keys(ctx, "*").Val()
	slices.Sort(keys)
	for _, k := range keys {
		all = append(all, k, rdb.Dump(ctx, k).Val())
	}
	return all
}

func TestOldBatchesAreForgotten(t *testing.T) {
	addr := redistest.Server(t)
	rdb := redistest.Client(t, addr)
	l := ledger.New(rdb, "hpp", time.Hour)
	for _, id := range []string{"old", "busy", "new"} {
		b := openBatch(t, l, id)
		accept(t, l, inBatch(key(id), "red", id))
		if id != "busy" {
			issueOne(t, l, key(id))
		}
		if err := l.SealBatch(ctx, id, b.Run, 0); err != nil {
			t.Fatal(err)
		}
	}
	longAgo := float64(time.Now().Add(-2 * time.Hour).UnixMilli())
	rdb.ZAdd(ctx, l.Keys().BatchIndex(), redis.Z{Score: longAgo, Member: "old"}, redis.Z{Score: longAgo, Member: "busy"})
	if err := l.PruneBatches(ctx); err != nil {
		t.Fatal(err)
	}
	batches, err := l.Batches(ctx, 10)
	if err != nil || len(batches) != 2 || batches[0].ID != "new" || batches[1].ID != "busy" {
		t.Errorf("%+v %v", batches, err)
	}
	for _, field := range rdb.HKeys(ctx, l.Keys().Batches()).Val() {
		if field[:3] == "old" {
			t.Errorf("%q is left", field)
		}
	}
}
