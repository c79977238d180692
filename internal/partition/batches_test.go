package partition_test

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
)

const batch = "b1"

func openBatch(t tb, l *partition.Ledger) ledger.Batch {
	t.Helper()
	b, err := l.OpenBatch(ctx, batch, "invoices.xlsx", true)
	if err != nil || b.State != ledger.BatchRunning || b.Sealed {
		t.Fatalf("%+v, %v", b, err)
	}
	return b
}

func batchNow(t tb, l *partition.Ledger) ledger.Batch {
	t.Helper()
	if err := l.CloseBatches(ctx); err != nil {
		t.Fatal(err)
	}
	b, found, err := l.Batch(ctx, batch)
	if err != nil || !found {
		t.Fatalf("found %v, %v", found, err)
	}
	return b
}

// finished returns how often the batch was published as finished, over all streams.
func finished(t *testing.T, rdb *redis.Client, l *partition.Ledger) (data []string) {
	t.Helper()
	for _, stream := range l.Streams() {
		entries, err := rdb.XRange(ctx, stream, "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Values["type"] == "batch.finished" {
				data = append(data, e.Values["data"].(string))
			}
		}
	}
	return data
}

func TestBatchOverPartitions(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 3)
		run := openBatch(t, l).Run
		accept(t, l, ledger.Accepted, submissions(0, 30, batch)...)
		for i := range 29 {
			settle(t, l, i, i == 7)
		}
		if b := batchNow(t, l); b.State != ledger.BatchRunning || b.Orders != 30 || b.Open != 1 || b.Issued != 28 || b.Failed != 1 {
			t.Fatalf("%+v", b)
		}
		if err := l.SealBatch(ctx, batch, run, 2); err != nil {
			t.Fatal(err)
		}
		if answers, _ := l.AcceptAll(ctx, submissions(30, 31, batch)); answers[0].Decision != ledger.Closed {
			t.Errorf("a sealed batch: %+v", answers[0])
		}
		settle(t, l, 29, false)
		b := batchNow(t, l)
		batchNow(t, l)
		if b.State != ledger.BatchPartly || b.Open != 0 || b.Issued != 29 || b.Failed != 1 || b.Refused != 2 || b.Finished.IsZero() {
			t.Errorf("%+v", b)
		}
		want := `{"state":"partially_failed","run":1,"orders":30,"issued":29,"failed":1,"refused":2}`
		if got := finished(t, rdb, l); !slices.Equal(got, []string{want}) {
			t.Errorf("%q", got)
		}
		if n := rdb.SCard(ctx, "{hpp}:batches:running").Val(); n != 0 {
			t.Errorf("%d are looked at still", n)
		}
		if b := openBatch(t, l); b.Run != 2 {
			t.Errorf("opened again: %+v", b)
		}
		accept(t, l, ledger.Accepted, submissions(30, 33, batch)...)
		var keys []string
		for from := 0; ; from += 7 {
			page, err := l.BatchOrders(ctx, batch, from, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range page {
				keys = append(keys, k.Ref)
			}
			if len(page) < 7 {
				break
			}
		}
		if slices.Sort(keys); len(slices.Compact(keys)) != 33 {
			t.Errorf("%d orders: %q", len(keys), keys)
		}
		all, err := l.Batches(ctx, 5)
		if err != nil || len(all) != 1 || all[0].Orders != 33 {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func TestBatchCancelledOverPartitions(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 3)
		run := openBatch(t, l).Run
		accept(t, l, ledger.Accepted, submissions(0, 12, batch)...)
		settle(t, l, 0, false)
		if err := l.CancelBatch(ctx, batch, run); err != nil {
			t.Fatal(err)
		}
		var orders []ledger.Cancellation
		for i := range 12 {
			orders = append(orders, ledger.Cancellation{Key: key(i)})
		}
		done, errs := l.CancelAll(ctx, batch, orders)
		for i := range done {
			if errs[i] != nil || done[i] != (i > 0) {
				t.Errorf("%s: %v %v", key(i), done[i], errs[i])
			}
		}
		if b := batchNow(t, l); b.State != ledger.BatchCancelled || b.Issued != 1 || b.Failed != 11 {
			t.Errorf("%+v", b)
		}
		if b := openBatch(t, l); b.Run != 2 || b.Cancelled {
			t.Errorf("opened again: %+v", b)
		}
		accept(t, l, ledger.Accepted, submissions(20, 22, batch)...)
	})
}

// TestBatchThroughGrowth has the partitions become more while a batch is handed in.
func TestBatchThroughGrowth(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		sender := open(t, rdb)
		run := openBatch(t, sender).Run
		accept(t, sender, ledger.Accepted, submissions(0, 10, batch)...)
		if _, err := partition.Grow(ctx, rdb, ns, 3); err != nil {
			t.Fatal(err)
		}
		accept(t, sender, ledger.Accepted, submissions(10, 30, batch)...)
		if err := sender.SealBatch(ctx, batch, run, 0); err != nil {
			t.Fatal(err)
		}
		worker := open(t, rdb)
		for i := range 30 {
			if b := batchNow(t, worker); b.State != ledger.BatchRunning || b.Open != 30-i {
				t.Fatalf("after %d: %+v", i, b)
			}
			settle(t, worker, i, false)
		}
		if b := batchNow(t, worker); b.State != ledger.BatchSucceeded || b.Issued != 30 {
			t.Errorf("%+v", b)
		}
		if got := finished(t, rdb, worker); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
}

// TestRegressionBatchIsNotOverForWhoKnowsAnOldLayout: it knew nothing of the parts where orders were open, and said that it was over.
func TestRegressionBatchIsNotOverForWhoKnowsAnOldLayout(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		begin(t, rdb, 2)
		stale := open(t, rdb)
		if _, err := partition.Grow(ctx, rdb, ns, 3); err != nil {
			t.Fatal(err)
		}
		l := open(t, rdb)
		run := openBatch(t, l).Run
		accept(t, l, ledger.Accepted, submissions(0, 12, batch)...)
		if err := stale.SealBatch(ctx, batch, run, 0); err != nil {
			t.Fatal(err)
		}
		if b := batchNow(t, stale); b.State != ledger.BatchRunning || b.Open != 12 {
			t.Fatalf("%+v", b)
		}
		if answers, _ := l.AcceptAll(ctx, submissions(20, 21, batch)); answers[0].Decision != ledger.Closed {
			t.Errorf("a sealed batch: %+v", answers[0])
		}
		for i := range 12 {
			settle(t, l, i, false)
		}
		if b := batchNow(t, stale); b.State != ledger.BatchSucceeded || b.Issued != 12 {
			t.Errorf("%+v", b)
		}
		if got := finished(t, rdb, l); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
}

// TestRegressionBatchThatIsLookedAtWhileItOpens: a worker that came between took it for a forgotten one, and it never ended.
func TestRegressionBatchThatIsLookedAtWhileItOpens(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		worker := begin(t, rdb, 2)
		for _, run := range []int{1, 2} {
			opener := interrupted(t, rdb.Options().Addr)
			opener.do = func() error { return worker.CloseBatches(ctx) }
			l := open(t, opener.rdb)
			opener.before.Store(1) // it has read the layout
			if b := openBatch(t, l); b.Run != run {
				t.Fatalf("%+v", b)
			}
			accept(t, l, ledger.Accepted, submission(run, batch))
			if err := l.SealBatch(ctx, batch, run, 0); err != nil {
				t.Fatal(err)
			}
			settle(t, worker, run, false)
			if b := batchNow(t, worker); b.State != ledger.BatchSucceeded {
				t.Errorf("run %d: %+v", run, b)
			}
		}
	})
}

// TestRegressionOldBatchLivesInAllItsParts: it was forgotten at home while orders of it were open elsewhere, and never ended.
func TestRegressionOldBatchLivesInAllItsParts(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 2)
		run := openBatch(t, l).Run
		accept(t, l, ledger.Accepted, submissions(0, 8, batch)...)
		if err := l.SealBatch(ctx, batch, run, 0); err != nil {
			t.Fatal(err)
		}
		for i := range 7 {
			settle(t, l, i, false)
		}
		for _, one := range l.All() {
			rdb.ZAdd(ctx, one.Keys().BatchIndex(), redis.Z{Score: 1, Member: batch})
		}
		if err := l.PruneBatches(ctx); err != nil {
			t.Fatal(err)
		}
		if b := batchNow(t, l); b.Orders != 8 || b.Open != 1 {
			t.Fatalf("%+v", b)
		}
		settle(t, l, 7, false)
		if b := batchNow(t, l); b.State != ledger.BatchSucceeded || b.Issued != 8 {
			t.Fatalf("%+v", b)
		}
		if err := l.PruneBatches(ctx); err != nil {
			t.Fatal(err)
		}
		for _, one := range l.All() {
			if n := rdb.Exists(ctx, one.Keys().Batches(), one.Keys().BatchIndex(), one.Keys().BatchOrders(batch)).Val(); n != 0 {
				t.Errorf("%d keys are left in %s", n, one.Namespace())
			}
		}
	})
}

// TestRegressionTrialOpensNoParts of a batch.
func TestRegressionTrialOpensNoParts(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := open(t, rdb)
		openBatch(t, l)
		if _, err := partition.Grow(ctx, rdb, ns, 2); err != nil {
			t.Fatal(err)
		}
		l = open(t, rdb)
		if _, errs := l.TryAll(ctx, submissions(0, 3, batch)); errs[0] != nil {
			t.Fatal(errs[0])
		}
		if b := batchNow(t, l); b.Parted {
			t.Errorf("%+v", b)
		}
	})
}
