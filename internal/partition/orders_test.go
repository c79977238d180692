package partition_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

func TestOrdersOfSeveralPartitions(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 3)
		for _, a := range accept(t, l, ledger.Accepted, submissions(0, 60, "")...) {
			if a.Namespace == ns || a.TaskID == "" {
				t.Fatalf("%+v", a)
			}
		}
		used := map[string]int{}
		for i := range 60 {
			at := holders(t, l, i)
			if len(at) != 1 {
				t.Fatalf("%s is in %q", key(i), at)
			}
			used[at[0]]++
		}
		if len(used) != 3 {
			t.Errorf("%v", used)
		}
		accept(t, l, ledger.Known, submissions(0, 60, "")...)
		for i := range 20 {
			settle(t, l, i, i%2 == 1)
		}
		counts, err := l.Counts(ctx)
		if err != nil || counts.Open() != 40 || counts.Failed != 10 {
			t.Errorf("%+v, %v", counts, err)
		}
		v, err := l.Overview(ctx, []string{"M-1"})
		if err != nil || v.Open() != 40 || v.Failed != 10 || v.OpenOrders["M-1"] != 40 || v.Lanes[order.Interactive].Oldest.Since.IsZero() {
			t.Errorf("%+v, %v", v, err)
		}
		if n, err := l.OpenOf(ctx, "M-1"); err != nil || n != 40 {
			t.Errorf("%d open, %v", n, err)
		}
		keys := []order.Key{key(0), key(99), key(21)}
		records, found, err := l.Records(ctx, keys)
		if err != nil || !slices.Equal(found, []bool{true, false, true}) || records[0].State != ledger.Issued || records[2].State != ledger.Queued {
			t.Errorf("%+v %v %v", records, found, err)
		}
		payloads, err := l.Payloads(ctx, keys)
		if err != nil || payloads[0] != nil || payloads[1] != nil || string(payloads[2]) != "order" {
			t.Errorf("%q %v", payloads, err)
		}
	})
}

// TestEachPartitionHasItsShare of what may be open of a merchant.
func TestEachPartitionHasItsShare(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 4)
		all := submissions(0, 200, "")
		for i := range all {
			all[i].MaxOpen = 20
		}
		answers, errs := l.AcceptAll(ctx, all)
		accepted := 0
		for i, a := range answers {
			if errs[i] != nil || a.Decision != ledger.Accepted && a.Decision != ledger.Full {
				t.Fatalf("%+v %v", a, errs[i])
			}
			if a.Decision == ledger.Accepted {
				accepted++
			}
		}
		if accepted != 20 {
			t.Errorf("%d of 20 that may be open", accepted)
		}
	})
}

// TestFailedOrdersAreOneList reads it in both directions, in pages that cut through all partitions.
func TestFailedOrdersAreOneList(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 3)
		const n = 23
		accept(t, l, ledger.Accepted, submissions(0, n, "")...)
		var want []string
		for i := range n {
			settle(t, l, i, true)
			want = append(want, key(i).Ref)
			time.Sleep(2 * time.Millisecond) // failures are timed in milliseconds
		}
		list := l.FailedOrders()
		if got, err := list.Len(ctx); err != nil || got != n {
			t.Errorf("%d, %v", got, err)
		}
		read := func(step func(c ledger.Cursor) ([]ledger.FailedOrder, ledger.Cursor, error)) (refs []string) {
			c := ledger.Cursor{}
			for {
				page, next, err := step(c)
				if err != nil {
					t.Fatal(err)
				}
				if next == c {
					return refs
				}
				for _, o := range page {
					refs = append(refs, o.Key.Ref)
				}
				c = next
			}
		}
		got := read(func(c ledger.Cursor) ([]ledger.FailedOrder, ledger.Cursor, error) { return list.After(ctx, c, 4) })
		if !slices.Equal(got, want) {
			t.Errorf("forwards %q", got)
		}
		got = read(func(c ledger.Cursor) ([]ledger.FailedOrder, ledger.Cursor, error) { return list.Before(ctx, c, 4) })
		if slices.Reverse(want); !slices.Equal(got, want) {
			t.Errorf("backwards %q", got)
		}
		named, err := l.FailedNamed(ctx, []order.Key{key(3), key(99)})
		if err != nil || !named[0].Listed || named[1].State != "" {
			t.Errorf("%+v %v", named, err)
		}
		if r, err := l.Replay(ctx, key(3), 1, ledger.NewNonce()); err != nil || r.Namespace != holders(t, l, 3)[0] {
			t.Errorf("%+v %v", r, err)
		}
		if err := l.Discard(ctx, key(4), 1); err != nil {
			t.Error(err)
		}
		if got, err := list.Len(ctx); err != nil || got != n-2 {
			t.Errorf("%d, %v", got, err)
		}
	})
}

// TestBreakersAreOne merges what the partitions know of a merchant.
func TestBreakersAreOne(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 3)
		accept(t, l, ledger.Accepted, submissions(0, 30, "")...)
		for i := range 30 {
			for _, one := range l.All() {
				c, err := one.Claim(ctx, key(i), ledger.NewNonce(), time.Minute, nil)
				if err != nil {
					t.Fatal(err)
				}
				if c.Grant != ledger.Granted {
					continue
				}
				ret := ledger.Return{Why: "gateway answers 401", Breaker: ledger.TripBreaker}
				if _, err := one.Release(ctx, c.Attempt, ret); err != nil {
					t.Fatal(err)
				}
			}
		}
		all, err := l.Breakers(ctx)
		if err != nil || len(all) != 1 || !all[0].Open || all[0].Why != "gateway answers 401" {
			t.Fatalf("%+v %v", all, err)
		}
		b, err := l.BreakerOf(ctx, "M-1")
		if err != nil || b != all[0] {
			t.Errorf("%+v %v, and of all %+v", b, err, all)
		}
		held := 0
		for _, one := range l.All() {
			some, err := one.BreakerOf(ctx, "M-1")
			if err != nil {
				t.Fatal(err)
			}
			held += some.Held
		}
		if b.Held != held || held == 0 {
			t.Errorf("%d held, and in all partitions %d", b.Held, held)
		}
		if err := l.Hasten(ctx, "M-1"); err != nil {
			t.Error(err)
		}
	})
}

// TestSurplusLinksOfAllPartitions reads them in pages.
func TestSurplusLinksOfAllPartitions(t *testing.T) {
	each(t, func(t *testing.T, rdb *redis.Client) {
		l := begin(t, rdb, 3)
		const n = 12
		accept(t, l, ledger.Accepted, submissions(0, n, "")...)
		for i := range n {
			for _, one := range l.All() {
				c, err := one.Claim(ctx, key(i), ledger.NewNonce(), time.Minute, nil)
				if err != nil {
					t.Fatal(err)
				}
				if c.Grant != ledger.Granted {
					continue
				}
				for _, id := range []string{"shown", "surplus"} {
					link := ledger.Link{ID: fmt.Sprint(id, i), URL: "https://pay.example/" + fmt.Sprint(id, i)}
					if _, err := one.Issue(ctx, c.Attempt, ledger.Issuance{Link: link}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		seen := map[string]int{}
		for place := ledger.FirstSurplus; ; {
			page, next, err := l.SurplusAfter(ctx, place, 5)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page {
				seen[s.Link.ID]++
			}
			if place = next; len(page) < 5 {
				break
			}
		}
		for i := range n {
			if seen[fmt.Sprint("surplus", i)] != 1 {
				t.Errorf("%v", seen)
			}
		}
		if len(seen) != n {
			t.Errorf("%v", seen)
		}
	})
}
