package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
)

// told writes a history with seconds since the test clock's beginning.
func told(t *testing.T, l *ledger.Ledger, ref string) string {
	t.Helper()
	r, found, err := l.Get(ctx, key(ref))
	if err != nil || !found {
		t.Fatalf("%v %v", found, err)
	}
	var steps []string
	for _, s := range r.History {
		steps = append(steps, strings.TrimSpace(fmt.Sprintf("%d: %d %s %s", s.At.Unix()-1_700_000_000, s.Generation, s.What, s.Detail)))
	}
	return strings.Join(steps, "\n")
}

func TestHistory(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(int)) {
		at(1)
		accept(t, l, submission(key("a"), "red"))
		at(2)
		c, err := l.Claim(ctx, key("a"), ledger.NewNonce(), time.Second, nil)
		if err != nil || c.Grant != ledger.Granted {
			t.Fatal(c, err)
		}
		at(4)
		again := claim(t, l, key("a"))
		at(5)
		s, err := l.Release(ctx, again, ledger.Return{After: time.Second, Why: "uncertain (timeout): it said nothing", Asked: true})
		settle(t, ledger.SettledReleased, s, err)
		at(7)
		again = claim(t, l, key("a"))
		at(8)
		s, err = l.Fail(ctx, again, ledger.Failure{Code: "rejected", Message: "no", Asked: true})
		settle(t, ledger.SettledFailed, s, err)
		first := "1: 1 accepted\n4: 1 lost\n5: 1 put back uncertain (timeout)\n8: 1 failed rejected"
		if got := told(t, l, "a"); got != first {
			t.Errorf("got\n%s\nwant\n%s", got, first)
		}
		at(20)
		if _, err := l.Replay(ctx, key("a"), 1, ledger.NewNonce()); err != nil {
			t.Fatal(err)
		}
		at(21)
		again = claim(t, l, key("a"))
		s, err = l.Release(ctx, again, ledger.Return{Why: "misconfigured (http_401): who?", Breaker: ledger.TripBreaker})
		settle(t, ledger.SettledHeld, s, err)
		at(40)
		again = claim(t, l, key("a"))
		s, err = l.Issue(ctx, again, ledger.Issuance{Link: ledger.Link{ID: "L1", URL: "https://x.example/" + strings.Repeat("u", 53)}})
		settle(t, ledger.SettledIssued, s, err)
		whole := first + "\n20: 2 accepted\n21: 2 held misconfigured (http_401)\n40: 2 issued L1"
		if got := told(t, l, "a"); got != whole {
			t.Errorf("got\n%s\nwant\n%s", got, whole)
		}
		at(50)
		reissue := submission(key("a"), "red")
		reissue.Reissue = 2
		accept(t, l, reissue)
		if got := told(t, l, "a"); got != whole+"\n50: 3 accepted" {
			t.Errorf("got\n%s", got)
		}
	})
}

func TestLongHistoryIsBoundedAndCompact(t *testing.T) {
	addr := redistest.Server(t)
	rdb := redistest.Client(t, addr)
	l := ledger.New(rdb, "hpp", 0)
	accept(t, l, submission(key("a"), "red"))
	var s ledger.Settlement
	var err error
	for i := range 100 {
		s, err = l.Release(ctx, claim(t, l, key("a")), ledger.Return{Why: fmt.Sprintf("uncertain (%d): x", i), Asked: true})
		settle(t, ledger.SettledReleased, s, err)
	}
	s, err = l.Issue(ctx, claim(t, l, key("a")), ledger.Issuance{Link: ledger.Link{ID: "L", URL: "https://x.example/"}})
	settle(t, ledger.SettledIssued, s, err)
	r, _, err := l.Get(ctx, key("a"))
	if n := len(r.History); err != nil || n < 20 || n > 40 || r.History[n-2].Detail != "uncertain (99)" {
		t.Errorf("%d steps, %v: %+v", n, err, r.History)
	}
	if got := rdb.ObjectEncoding(ctx, l.Keys().Record(key("a"))).Val(); got != "listpack" {
		t.Errorf("the record is kept as %s", got)
	}
}

func TestHasten(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(int)) {
		at(1)
		if err := l.Hasten(ctx, "M-1"); err != nil {
			t.Fatal(err)
		}
		accept(t, l, submission(key("a"), "red"))
		s, err := l.Release(ctx, claim(t, l, key("a")), ledger.Return{Why: "no", Breaker: ledger.TripBreaker})
		settle(t, ledger.SettledHeld, s, err)
		if due, err := l.Unhold(ctx, 10); err != nil || len(due) != 0 {
			t.Fatalf("%v %v", due, err)
		}
		if err := l.Hasten(ctx, "M-1"); err != nil {
			t.Fatal(err)
		}
		if due, err := l.Unhold(ctx, 10); err != nil || len(due) != 1 {
			t.Errorf("%v %v", due, err)
		}
	})
}
