package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
)

// refsBefore reads the list backwards to its beginning, and each place by way of its text.
func refsBefore(t *testing.T, l *ledger.Ledger, n int) (refs []string) {
	t.Helper()
	for c := (ledger.Cursor{}); ; {
		page, next, err := l.FailedOrders().Before(ctx, c, n)
		if err != nil || len(page) > n {
			t.Fatalf("a page of %d (%d asked for): %v", len(page), n, err)
		}
		for _, o := range page {
			refs = append(refs, o.Key.Ref)
		}
		if next == c {
			return refs
		}
		if len(page) > 0 && ledger.CursorOf(page[len(page)-1]) != next {
			t.Errorf("the last one's place is %v, and the page's %v", ledger.CursorOf(page[len(page)-1]), next)
		}
		if c, err = ledger.ParseCursor(next.String()); err != nil || c != next {
			t.Fatalf("%q is read as %v: %v", next, c, err)
		}
	}
}

// Several share a millisecond, and so a score.
func TestFailedBackwardsIsForwardsReversed(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		l := ledger.NewWithTestClock(rdb)
		for i, ref := range []string{"a", "b/~1", "ü", "d", "e", "f", "g", "h", "i", "j"} {
			rdb.Set(ctx, ledger.TestClock, (1_700_000_000+i/4)*1_000_000, 0)
			newFailed(t, l, key(ref), refused)
		}
		for n := 1; n < 12; n++ {
			want := refsAfter(t, l, ledger.Cursor{}, n)
			slices.Reverse(want)
			if got := refsBefore(t, l, n); len(got) != 10 || !cmp.Equal(got, want) {
				t.Errorf("by %d: %v, want %v", n, got, want)
			}
		}
	})
}

func TestOrdersThatFailMeanwhileDoNotShiftThePages(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		l := ledger.NewWithTestClock(rdb)
		add := func(i int) {
			rdb.Set(ctx, ledger.TestClock, (1_700_000_000+i)*1_000_000, 0)
			newFailed(t, l, key(fmt.Sprint("r", i)), refused)
		}
		for i := range 4 {
			add(i)
		}
		first, place, err := l.FailedOrders().Before(ctx, ledger.Cursor{}, 2)
		if err != nil {
			t.Fatal(err)
		}
		add(9)
		second, _, err := l.FailedOrders().Before(ctx, place, 2)
		if err != nil || len(first) != 2 || len(second) != 2 || first[1].Key.Ref != "r2" || second[0].Key.Ref != "r1" {
			t.Errorf("%v, then %v %v", first, second, err)
		}
	})
}

func TestParseCursorRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{"x", "-1~a:b", "1~a", "1~a:b:c", "~a:b", "1~a:b%", strings.Repeat("9", 30) + "~a:b"} {
		if c, err := ledger.ParseCursor(text); err == nil {
			t.Errorf("%q is taken for %v", text, c)
		}
	}
}

func TestFailedListLength(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		newFailed(t, l, key("a"), refused)
		failEmail(t, l, key("b"), false)
		failEmail(t, l, key("c"), false)
		orders, err := l.FailedOrders().Len(ctx)
		emails, errEmails := l.FailedEmails().Len(ctx)
		if orders != 1 || emails != 2 || err != nil || errEmails != nil {
			t.Errorf("%d orders %v, %d emails %v", orders, err, emails, errEmails)
		}
	})
}
