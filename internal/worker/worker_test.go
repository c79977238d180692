package worker_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/results"
)

// outcome is what came of an order, at our end and at the gateway.
type outcome struct {
	Type, Code    string
	Attempts      int
	Uncertain     bool
	Posts, Minted int64
}

func (b *bench) outcome(t *testing.T, s *sandbox.Server) outcome {
	t.Helper()
	o := outcome{Posts: s.Stats().Posts, Minted: s.Stats().Minted}
	e := b.only(t)
	if o.Type = e.Type; o.Type == results.LinkFailed {
		d := data[results.Failed](t, e, results.LinkFailed)
		o.Code, o.Attempts, o.Uncertain = d.Code, d.Attempts, d.Uncertain
	} else {
		d := data[results.Issued](t, e, results.LinkIssued)
		o.Attempts, o.Uncertain = d.Attempts, d.Uncertain
	}
	return o
}

func TestWhatBecomesOfAnOrder(t *testing.T) {
	issued := func(attempts int, uncertain bool, posts, minted int64) outcome {
		return outcome{results.LinkIssued, "", attempts, uncertain, posts, minted}
	}
	failed := func(code string, attempts int, uncertain bool, posts, minted int64) outcome {
		return outcome{results.LinkFailed, code, attempts, uncertain, posts, minted}
	}
	single, conflict := sandbox.Options{Idempotent: true}, sandbox.Options{DuplicateConflict: true}
	for _, test := range []struct {
		ref     string
		options sandbox.Options
		want    outcome
	}{
		{"usual", sandbox.Options{}, issued(1, false, 1, 1)},
		{"注文 7/a:b", sandbox.Options{}, issued(1, false, 1, 1)},
		{"refused~400", sandbox.Options{}, failed("rejected", 1, false, 1, 0)},
		{"refused~422", sandbox.Options{}, failed("rejected", 1, false, 1, 0)},
		{"healed~500x2", sandbox.Options{}, issued(3, true, 3, 1)},
		{"healed~502-afterx1", sandbox.Options{}, issued(2, true, 2, 2)},
		{"healed~503x2", sandbox.Options{}, issued(3, false, 3, 1)},
		{"healed~reset-beforex1", sandbox.Options{}, issued(2, true, 2, 1)},
		{"surplus~reset-afterx1", sandbox.Options{}, issued(2, true, 2, 2)},
		{"surplus~unreadablex1", sandbox.Options{}, issued(2, true, 2, 2)},
		{"surplus~mismatchx1", sandbox.Options{}, issued(2, true, 2, 2)},
		{"surplus~wrong-hostx1", sandbox.Options{}, issued(2, true, 2, 2)},
		{"same-link~reset-afterx1", single, issued(2, true, 2, 1)},
		{"throttled~429x2:1s", sandbox.Options{}, issued(1, false, 3, 1)},
		{"throttled~503x1:1s", sandbox.Options{}, issued(1, false, 2, 1)},
		{"duplicate~reset-afterx1", conflict, failed("possibly_issued", 2, true, 2, 1)},
		{"duplicate~409", sandbox.Options{}, failed("possibly_issued", 1, false, 1, 0)},
		{"refused-late~500x1~400", sandbox.Options{}, failed("possibly_issued", 2, true, 2, 0)},
		{"refused-late~503x1~400", sandbox.Options{}, failed("rejected", 2, false, 2, 0)},
		{"misled~redirectx1", sandbox.Options{}, issued(2, false, 2, 1)},
	} {
		t.Run(test.ref, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				s, at := gatewayAt(t, test.options, nil)
				task := b.accept(t, event("M1", test.ref, "metadata", map[string]any{"cart": "9"}))
				if _, err := b.drive(t, b.worker(t, profile(t, "M1", at)), task); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, b.outcome(t, s)); diff != "" {
					t.Error(diff)
				}
				if e := b.only(t); e.Ref != test.ref || !strings.Contains(string(e.Data), `"metadata":{"cart":"9"}`) {
					t.Errorf("%s %s", e.Ref, e.Data)
				}
				if c := b.counts(t); c.Open() != 0 {
					t.Errorf("still open: %+v", c)
				}
			})
		})
	}
}

func TestLinkThatIsPublished(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{PublicURL: "https://checkout.paymentoptions.com"}, nil)
		task := b.accept(t, event("M1", "r", "amount", 1000.50, "currency", "EUR"))
		if err := b.worker(t, profile(t, "M1", at)).Handle(ctx, task); err != nil {
			t.Fatal(err)
		}
		d, r := data[results.Issued](t, b.only(t), results.LinkIssued), b.record(t, key("M1", "r"))
		if !strings.HasPrefix(d.URL, "https://checkout.paymentoptions.com/jp/") || d.LinkID == "" || d.Amount != "1000.5" || d.Currency != "EUR" {
			t.Errorf("%+v", d)
		}
		if r.Link != (ledger.Link{ID: d.LinkID, URL: d.URL}) || r.State != ledger.Issued {
			t.Errorf("%+v", r)
		}
	})
}

// TestAsynqDeliversTheRetries is the only one of these where asynq and its clock decide when.
func TestAsynqDeliversTheRetries(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		b.serve(t, b.worker(t, profile(t, "M1", at)))
		refs := []string{"a", "b~500x1", "c~429x1:1s", "d~400", "e~reset-afterx1", "f~503x1"}
		for _, ref := range refs {
			task := b.accept(t, event("M1", ref))
			if err := b.queue.Enqueue(ctx, task.Lane, task.ID, task.Payload); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, e := range b.await(t, len(refs)) {
			got = append(got, e.Ref)
		}
		b.idle(t)
		if slices.Sort(got); !slices.Equal(got, refs) || len(b.events(t)) != len(refs) {
			t.Errorf("events about %q", got)
		}
		if posts := s.Stats().Posts; posts != 10 {
			t.Errorf("%d POSTs, want 10", posts)
		}
	})
}

func TestRefusedConnectionCountsNoAttempt(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		closed, good := closedAddress(t), ""
		_, good = gatewayAt(t, sandbox.Options{}, nil)
		task := b.accept(t, event("M1", "r"))
		var retry queue.Retry
		if err := b.worker(t, profile(t, "M1", "http://"+closed)).Handle(ctx, task); !errors.As(err, &retry) || retry.After > time.Second {
			t.Fatalf("%+v", err)
		}
		r := b.record(t, key("M1", "r"))
		if r.Attempts != 0 || r.State != ledger.Queued || r.Uncertain || !strings.Contains(r.Why, "connection_refused") {
			t.Errorf("%+v", r)
		}
		b.timePasses(t)
		if err := b.worker(t, profile(t, "M1", good)).Handle(ctx, task); err != nil {
			t.Fatal(err)
		}
		if d := data[results.Issued](t, b.only(t), results.LinkIssued); d.Attempts != 1 || d.Uncertain {
			t.Errorf("%+v", d)
		}
	})
}

func TestNothingFailsWhileTheKeyIsWrong(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{XAPIKey: "mended"}, nil)
		wrong := profile(t, "M1", at)
		task := b.accept(t, event("M1", "r"))
		waits, err := b.drive(t, b.worker(t, wrong), task)
		if err == nil || len(waits) != 10 || slices.Min(waits) < 15*time.Second || slices.Max(waits) > 23*time.Second {
			t.Errorf("%v, waits %v", err, waits)
		}
		if r := b.record(t, key("M1", "r")); r.State != ledger.Queued || !strings.Contains(r.Why, "misconfigured (http_401)") || len(b.events(t)) != 0 {
			t.Errorf("%+v, %d events", r, len(b.events(t)))
		}
		right := wrong
		right.XAPIKey = merchantSecret("mended")
		if err := b.worker(t, right).Handle(ctx, task); err != nil || b.only(t).Type != results.LinkIssued || s.Stats().Minted != 1 {
			t.Errorf("%v, %+v", err, b.only(t))
		}
	})
}

func TestOrderOfAnUnknownMerchantWaits(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		task := b.accept(t, event("M2", "r"))
		waits, _ := b.drive(t, b.worker(t, profile(t, "M1", at)), task)
		if r := b.record(t, key("M2", "r")); len(waits) != 10 || r.State != ledger.Queued || r.Attempts != 0 || !strings.Contains(r.Why, "no_profile") {
			t.Errorf("waits %v, %+v", waits, r)
		}
		if err := b.worker(t, profile(t, "M1", at), profile(t, "M2", at)).Handle(ctx, task); err != nil || s.Stats().Posts != 1 {
			t.Errorf("%v after %d POSTs", err, s.Stats().Posts)
		}
		if d := data[results.Issued](t, b.only(t), results.LinkIssued); d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
	})
}

func TestGivesUpByAgeOnly(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		w, k := b.worker(t, profile(t, "M1", at)), key("M1", "r~500")
		task := b.accept(t, event("M1", "r~500"))
		if waits, _ := b.drive(t, w, task); len(waits) != 10 {
			t.Fatalf("young, but done with after %v", waits)
		}
		b.set(t, k, "first", time.Now().Add(-25*time.Hour).UnixMilli(), "excused", (2 * time.Hour).Milliseconds())
		if waits, _ := b.drive(t, w, task); len(waits) != 10 {
			t.Fatalf("two of 25 hours were excused, but done with after %v", waits)
		}
		b.set(t, k, "excused", (30 * time.Minute).Milliseconds())
		if waits, err := b.drive(t, w, task); err != nil || len(waits) != 0 {
			t.Fatalf("older than a day: %v %v", waits, err)
		}
		want := results.Failed{Code: "gave_up", Attempts: 21, Uncertain: true}
		if diff := cmp.Diff(want, data[results.Failed](t, b.only(t), results.LinkFailed), cmpopts.IgnoreFields(want, "Message"), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestExpiredOrderIsNotAskedFor(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		task := b.accept(t, event("M1", "r", "expires_at", "2020-01-01T00:00:00Z"))
		if err := b.worker(t, profile(t, "M1", at)).Handle(ctx, task); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(outcome{results.LinkFailed, "expired", 0, false, 0, 0}, b.outcome(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWaitEndsWhenTheOrderExpires(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		b.serve(t, b.worker(t, profile(t, "M1", at)))
		expires := time.Now().Add(1500 * time.Millisecond)
		task := b.accept(t, event("M1", "r~429:600s", "expires_at", expires.Format(time.RFC3339Nano)))
		if err := b.queue.Enqueue(ctx, task.Lane, task.ID, task.Payload); err != nil {
			t.Fatal(err)
		}
		e := b.await(t, 1)[0]
		if d := data[results.Failed](t, e, results.LinkFailed); d.Code != "expired" || e.Time.Before(expires.Truncate(time.Millisecond)) {
			t.Errorf("%s at %v, expires at %v", d.Code, e.Time, expires)
		}
	})
}

// TestOneTaskDeliveredManyTimes runs it at once, on two workers.
func TestOneTaskDeliveredManyTimes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{Latency: 50 * time.Millisecond}, nil)
		one, two := b.worker(t, profile(t, "M1", at)), b.worker(t, profile(t, "M1", at))
		task := b.accept(t, event("M1", "r"))
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if err := errors.Join(one.Handle(ctx, task), two.Handle(ctx, task)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got, want := b.outcome(t, s), (outcome{results.LinkIssued, "", 1, false, 1, 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}
