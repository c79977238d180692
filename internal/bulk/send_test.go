package bulk_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// states are the states in a result's lines, without the header.
func states(lines []string) (all []string) {
	at := slices.Index(strings.Split(lines[0], ","), "hpplink_state")
	for _, l := range lines[1:] {
		all = append(all, strings.Split(l, ",")[at])
	}
	return all
}

func TestFromFileToLinks(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		in := b.file(t, "inv.csv", rows(600)...)
		p, batch := b.send(t, in, bulk.Retry{})
		if batch.Orders != 600 || batch.Open != 600 || !batch.Sealed || batch.Label != "inv.csv" {
			t.Fatalf("%+v", batch)
		}
		if n := b.rdb.LLen(ctx, "asynq:{hpp-bulk}:pending").Val(); n != 600 {
			t.Errorf("%d tasks", n)
		}
		for i := range 600 {
			b.issue(t, fmt.Sprintf("INV-%05d", i))
		}
		seen := 0
		end, err := b.Follow(ctx, batch.ID, func(s bulk.Standing) { seen = s.Settled() })
		if err != nil || end.State != ledger.BatchSucceeded || seen != 600 {
			t.Errorf("%+v %v, %d seen", end, err, seen)
		}
		result, lines := b.result(t, in, p)
		if !result.Complete() || len(lines) != 601 {
			t.Errorf("%+v", result)
		}
		for i, l := range lines[1:] {
			ref := fmt.Sprintf("INV-%05d", i)
			if want := fmt.Sprintf("%s,%d,JPY,issued,https://checkout.paymentoptions.com/%s,L-%s,", ref, 1000+i, ref, ref); !strings.HasPrefix(l, want) {
				t.Fatalf("line %d: %q", i, l)
			}
		}

		// The same file again: nothing is left to do.
		p, batch = b.send(t, in, bulk.Retry{})
		if p.ToSend() != 0 || batch.Run != 1 || batch.Orders != 600 {
			t.Errorf("%d to send, %+v", p.ToSend(), batch)
		}
	})
}

func TestResultTellsEveryRow(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.send(t, b.file(t, "before.csv", "ref,amount,currency", "known,1,JPY"), bulk.Retry{})
		in := b.file(t, "inv.csv", "ref,amount,currency",
			"ok,1,JPY", "known,2,JPY", "ok,1,JPY", "twice,1,JPY", "twice,2,JPY", "bad,x,JPY", "lost,1,JPY", "late,3,JPY")
		p, batch := b.send(t, in, bulk.Retry{})
		if batch.Orders != 3 || batch.Refused != 4 {
			t.Fatalf("%+v", batch)
		}
		b.issue(t, "ok")
		b.fail(t, "lost", ledger.Failure{Code: "rejected", Message: "no such card", Asked: true})
		result, lines := b.result(t, in, p)
		if want := (bulk.Result{Rows: 8, Linked: 2, Failed: 1, Waiting: 1, Refused: 4}); result != want {
			t.Errorf("got %+v, want %+v", result, want)
		}
		want := []string{"issued", "conflict", "issued", "conflict", "conflict", "invalid", "failed", "queued"}
		if got := states(lines); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for i, word := range map[int]string{2: "differs in amount", 4: "row 6 has the same ref", 5: "row 5 has the same ref", 6: "amount: ", 7: "rejected,no such card,1,false"} {
			if !strings.Contains(lines[i], word) {
				t.Errorf("%q does not say %q", lines[i], word)
			}
		}
	})
}

func TestCorrectedRowsGoIntoAnotherRun(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		in := b.file(t, "inv.csv", "ref,amount,currency", "a,1,JPY", "b,x,JPY", "c,3,JPY")
		_, first := b.send(t, in, bulk.Retry{})
		again := b.file(t, "inv.csv", "ref,amount,currency", "a,1,JPY", "b,2,JPY", "c,3,JPY")
		_, second := b.send(t, again, bulk.Retry{}) // while the first are under way
		if first.ID != second.ID || second.Run != 1 || second.Orders != 3 || second.Refused != 0 || !second.Sealed {
			t.Fatalf("%+v, then %+v", first, second)
		}
		b.issue(t, "a")
		b.issue(t, "b")
		b.fail(t, "c", ledger.Failure{Code: "rejected"})
		p, third := b.send(t, b.file(t, "inv.csv", "ref,amount,currency", "a,1,JPY", "b,2,JPY", "c,4,JPY"), bulk.Retry{})
		if p.Fresh != 1 || third.Run != 2 || third.Open != 1 || third.Issued != 2 || third.Failed != 0 {
			t.Errorf("a corrected order: %+v", third)
		}
	})
}

func TestRetry(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		in := b.file(t, "inv.csv", rows(4)...)
		_, batch := b.send(t, in, bulk.Retry{})
		b.issue(t, "INV-00000")
		b.fail(t, "INV-00001", ledger.Failure{Code: "rejected"})
		b.fail(t, "INV-00002", ledger.Failure{Code: ledger.CodePossiblyIssued})
		if n, _, err := b.Cancel(ctx, batch.ID); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for _, step := range []struct {
			retry         bulk.Retry
			run, open, to int
		}{{bulk.Retry{}, 1, 0, 0}, {bulk.Retry{Failed: true}, 2, 2, 2}, {bulk.Retry{Failed: true, Uncertain: true}, 2, 3, 1}} {
			p := b.plan(t, in)
			got, err := b.Send(ctx, in, p, step.retry, nil)
			if err != nil || p.ToRetry(step.retry) != step.to || got.Run != step.run || got.Open != step.open || got.Orders != 4 {
				t.Fatalf("%+v: %+v %v", step, got, err)
			}
		}
		for i := 1; i < 4; i++ {
			b.issue(t, fmt.Sprintf("INV-%05d", i))
		}
		if got, err := b.Batch(ctx, batch.ID); err != nil || got.State != ledger.BatchSucceeded {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestRoomIsWaitedFor(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		tight := shop("M1")
		tight.MaxOpen = 2
		b := newBench(t, addr, tight)
		in := b.file(t, "inv.csv", rows(3)...)
		p := b.plan(t, in)
		made := false
		batch, err := b.Send(ctx, in, p, bulk.Retry{}, func(s bulk.Sent) {
			if s.Full == "M1" && !made {
				made = true
				b.issue(t, "INV-00001")
			}
		})
		if err != nil || !made || batch.Orders != 3 || batch.Open != 2 {
			t.Errorf("%+v %v", batch, err)
		}
	})
}

func TestCancelledWhileItIsSent(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		in := b.file(t, "inv.csv", rows(2000)...)
		p := b.plan(t, in)
		cancelled := false
		_, err := b.Send(ctx, in, p, bulk.Retry{}, func(s bulk.Sent) {
			if s.Orders > 0 && !cancelled {
				cancelled = true
				if _, _, err := b.Cancel(ctx, p.Batch); err != nil {
					t.Error(err)
				}
			}
		})
		if !errors.Is(err, bulk.ErrClosed) {
			t.Fatal(err)
		}
		got, err := b.Batch(ctx, p.Batch)
		if err != nil || !got.Cancelled || got.Failed+got.Open != got.Orders || got.Orders == 2000 {
			t.Errorf("%+v %v", got, err)
		}
		if open := b.rdb.HGet(ctx, b.Ledger.Keys().OpenOrders(), "M1").Val(); open != fmt.Sprint(got.Open) && got.Open > 0 {
			t.Errorf("%s orders are open, of the batch %d: some are outside of it", open, got.Open)
		}
		b.Cancel(ctx, p.Batch) // what came in meanwhile
		if _, batch := b.send(t, in, bulk.Retry{Failed: true}); batch.Open != 2000 || batch.Run != 2 || batch.Cancelled {
			t.Errorf("taken up again: %+v", batch)
		}
	})
}

func TestCancelEchoesMetadataAndLeavesTheRest(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		in := b.file(t, "inv.csv", "ref,amount,currency,metadata.cart", "a,1,JPY,77", "b,1,JPY,78", "c,1,JPY,79")
		_, batch := b.send(t, in, bulk.Retry{})
		b.issue(t, "a")
		attempt := b.claim(t, "b")
		n, after, err := b.Cancel(ctx, batch.ID)
		if err != nil || n != 1 || after.Open != 1 || after.State != ledger.BatchRunning {
			t.Fatalf("%d %+v %v", n, after, err)
		}
		if _, err := b.Send(ctx, in, b.plan(t, in), bulk.Retry{Failed: true}, nil); !errors.Is(err, bulk.ErrStillCancelling) {
			t.Error(err)
		}
		last := b.rdb.XRevRangeN(ctx, b.Ledger.Keys().Results(), "+", "-", 1).Val()[0].Values
		if data := last["data"].(string); !strings.Contains(data, `"code":"cancelled"`) || !strings.Contains(data, `"cart":"79"`) {
			t.Error(data)
		}
		link := ledger.Link{ID: "L", URL: "https://checkout.paymentoptions.com/b"}
		if _, err := b.Ledger.Home().Issue(ctx, attempt, ledger.Issuance{Link: link}); err != nil {
			t.Fatal(err)
		}
		if after, err = b.Batch(ctx, batch.ID); err != nil || after.State != ledger.BatchCancelled {
			t.Errorf("%+v %v", after, err)
		}
	})
}

func TestWhyABatchWaits(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, batch := b.send(t, b.file(t, "inv.csv", rows(3)...), bulk.Retry{})
		if why, err := b.Why(ctx, batch); err != nil || !strings.Contains(why.Why, "no worker") {
			t.Errorf("%+v %v", why, err)
		}
		if _, err := b.Ledger.Home().ForWorker("w").Pulse().Beat(ctx); err != nil {
			t.Fatal(err)
		}
		if why, err := b.Why(ctx, batch); err != nil || why != (bulk.Waiting{}) {
			t.Errorf("%+v %v", why, err)
		}
		_, err := b.Ledger.Home().Release(ctx, b.claim(t, "INV-00000"), ledger.Return{Breaker: ledger.TripBreaker, Why: "the gateway refuses the keys"})
		if err != nil {
			t.Fatal(err)
		}
		if why, err := b.Why(ctx, batch); err != nil || !strings.Contains(why.Why, "M1: the gateway refuses the keys") || why.NextTry.IsZero() {
			t.Errorf("%+v %v", why, err)
		}
	})
}

func TestUnknownBatch(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, err := b.Follow(ctx, "nobody", func(bulk.Standing) {})
		_, _, err2 := b.Cancel(ctx, "nobody")
		for _, err := range []error{err, err2} {
			if _, unknown := errors.AsType[*bulk.UnknownBatchError](err); !unknown {
				t.Error(err)
			}
		}
	})
}

func TestOrdersOfABatchWithoutItsFile(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, batch := b.send(t, b.file(t, "inv.csv", rows(700)...), bulk.Retry{})
		b.issue(t, "INV-00000")
		b.rdb.Del(ctx, b.Ledger.Keys().Record(key("INV-00001")))
		counts, refs := map[string]int{}, map[order.Key]bool{}
		err := b.Orders(ctx, batch.ID, func(orders []bulk.Order) error {
			for _, o := range orders {
				counts[o.Outcome().State]++
				refs[o.Key] = true
			}
			return nil
		})
		if err != nil || counts["issued"] != 1 || counts["queued"] != 698 || counts[bulk.StateForgotten] != 1 || len(refs) != 700 {
			t.Errorf("%v %v", counts, err)
		}
		path := b.dir + "/out.csv"
		if r, err := b.WriteOrders(ctx, batch.ID, path, "csv"); err != nil || r.Rows != 700 || r.Linked != 1 {
			t.Errorf("%+v %v", r, err)
		}
		if lines := readLines(t, path); len(lines) != 701 || !strings.HasPrefix(lines[0], "merchant_id,merchant_txn_ref,hpplink_state") {
			t.Errorf("%d lines, %q", len(lines), lines[0])
		}
	})
}

func TestRedisAway(t *testing.T) {
	server := redistest.Mini(t)
	b := newBench(t, server.Addr())
	in := b.file(t, "inv.csv", rows(3)...)
	p := b.plan(t, in)
	server.Close()
	if _, err := b.Plan(ctx, in, bulk.Watch{}); err == nil {
		t.Error(err)
	}
	if _, err := b.Send(ctx, in, p, bulk.Retry{}, nil); err == nil {
		t.Error("sent to nowhere")
	}
}
