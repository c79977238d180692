package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// openNow returns the state of every open order by its ref.
func openNow(t *testing.T, l *ledger.Ledger) map[string]ledger.State {
	t.Helper()
	states := map[string]ledger.State{}
	err := l.EachOpen(ctx, func(page []ledger.OpenOrder) error {
		for _, o := range page {
			if states[o.Key.Ref] != "" {
				t.Errorf("%s came twice", o.Key)
			}
			states[o.Key.Ref] = o.State
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return states
}

func TestEachOpen(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		var all []ledger.Submission
		for i := range 1200 {
			s := submission(key(fmt.Sprint("r", i)), "red")
			s.Lane = []order.Lane{order.Interactive, order.Bulk}[i%2]
			s.Mail = i == 2
			all = append(all, s)
		}
		if _, errs := l.AcceptAll(ctx, all); errors.Join(errs...) != nil {
			t.Fatal(errors.Join(errs...))
		}
		claim := func(ref string) ledger.Attempt {
			t.Helper()
			c, err := l.Claim(ctx, key(ref), ledger.NewNonce(), time.Minute, nil)
			if err != nil || c.Grant != ledger.Granted {
				t.Fatal(c, err)
			}
			return c.Attempt
		}
		for _, ref := range []string{"r0", "r2"} {
			if _, err := l.Issue(ctx, claim(ref), ledger.Issuance{Link: ledger.Link{ID: ref, URL: "https://pay.example/" + ref}}); err != nil {
				t.Fatal(err)
			}
		}
		claim("r4")
		if _, err := l.Release(ctx, claim("r6"), ledger.Return{Why: "gateway answers 401", Breaker: ledger.TripBreaker}); err != nil {
			t.Fatal(err)
		}
		states := openNow(t, l)
		if len(states) != 1199 || states["r0"] != "" || states["r2"] != ledger.Issued || states["r4"] != ledger.Sending || states["r6"] != ledger.Queued {
			t.Errorf("%d are open: r0 %q, r2 %q, r4 %q, r6 %q", len(states), states["r0"], states["r2"], states["r4"], states["r6"])
		}
	})
}

func TestEnd(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		for _, ref := range []string{"plain", "restored", "busy", "issued", "left"} {
			if a, err := l.Accept(ctx, submission(key(ref), "red")); err != nil || a.Decision != ledger.Accepted {
				t.Fatal(a, err)
			}
		}
		claims := map[string]ledger.Attempt{}
		for _, ref := range []string{"busy", "issued"} {
			c, err := l.Claim(ctx, key(ref), ledger.NewNonce(), time.Minute, nil)
			if err != nil {
				t.Fatal(err)
			}
			claims[ref] = c.Attempt
		}
		if _, err := l.Issue(ctx, claims["issued"], ledger.Issuance{Link: ledger.Link{ID: "l", URL: "https://pay.example/l"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Claim(ctx, key("left"), ledger.NewNonce(), time.Millisecond, nil); err != nil {
			t.Fatal(err)
		}
		e := ledger.Ending{Message: "ended by hand", Metadata: map[string]string{"a": "b"}}
		for range 2 { // the reply may be lost
			if err := l.End(ctx, key("plain"), 1, e); err != nil {
				t.Fatal(err)
			}
		}
		restored := e
		restored.LinkMayExist = true
		if err := l.End(ctx, key("restored"), 1, restored); err != nil {
			t.Fatal(err)
		}
		for ref, want := range map[string]error{"busy": ledger.ErrBusy, "issued": ledger.ErrStale, "nobody": ledger.ErrStale} {
			if err := l.End(ctx, key(ref), 1, e); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", ref, err, want)
			}
		}
		if err := l.End(ctx, key("busy"), 2, e); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("another generation: %v", err)
		}
		for err := ledger.ErrBusy; err != nil; { // until its lease has run out
			if err = l.End(ctx, key("left"), 1, e); err != nil && !errors.Is(err, ledger.ErrBusy) {
				t.Fatal(err)
			}
		}
		codes := map[string]string{}
		for _, event := range events(t, rdb, l) {
			if event["type"] == "link.failed" {
				codes[event["merchant_txn_ref"].(string)] += event["data"].(string)
			}
		}
		if want := `{"code":"ended","message":"ended by hand","metadata":{"a":"b"},"attempts":0,"uncertain":false}`; codes["plain"] != want || len(codes) != 3 {
			t.Errorf("%q", codes)
		}
		if want := `{"code":"possibly_issued","message":"ended by hand","metadata":{"a":"b"},"attempts":0,"uncertain":true}`; codes["restored"] != want {
			t.Errorf("%q", codes)
		}
		if want := `{"code":"ended","message":"ended by hand","metadata":{"a":"b"},"attempts":1,"uncertain":true}`; codes["left"] != want {
			t.Errorf("%q", codes)
		}
		if n, err := l.OpenOf(ctx, "M-1"); err != nil || n != 1 {
			t.Errorf("%d open, %v", n, err)
		}
		// A claim of its task finds it ended, another content is a correction, unless a link may exist, and it can be replayed.
		if c, err := l.Claim(ctx, key("plain"), ledger.NewNonce(), time.Minute, nil); err != nil || c.Grant != ledger.AlreadyFailed {
			t.Errorf("%+v, %v", c, err)
		}
		if a, err := l.Accept(ctx, submission(key("restored"), "blue")); err != nil || a.Decision != ledger.Conflict {
			t.Errorf("%+v, %v", a, err)
		}
		if a, err := l.Accept(ctx, submission(key("plain"), "blue")); err != nil || a.Decision != ledger.Accepted || a.Generation != 2 {
			t.Errorf("%+v, %v", a, err)
		}
		if r, err := l.Replay(ctx, key("restored"), 1, ledger.NewNonce()); err != nil || r.Generation != 2 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
