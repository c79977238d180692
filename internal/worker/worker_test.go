package worker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/worker"
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
				w := b.worker(t, profile(t, "M1", at))
				if _, err := b.drive(t, w, task); err != nil {
					t.Fatal(err)
				}
				b.mended(t, w) // where a breaker holds it
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
		w := b.worker(t, wrong)
		var tasks []queue.Task
		for _, ref := range []string{"r1", "r2", "r3"} {
			tasks = append(tasks, b.accept(t, event("M1", ref)))
		}
		for range 2 { // the second time, nobody is asked: the breaker is open
			for _, task := range tasks {
				if err := w.Handle(ctx, task); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := s.Stats().Posts; n != 1 || len(b.events(t)) != 0 || b.counts(t).Held != 3 {
			t.Errorf("%d POSTs, %d events, %+v", n, len(b.events(t)), b.counts(t))
		}
		for _, ref := range []string{"r1", "r3"} {
			if r := b.record(t, key("M1", ref)); r.State != ledger.Queued || r.HeldSince.IsZero() || !strings.Contains(r.Why, "misconfigured (http_401)") {
				t.Errorf("%s: %+v", ref, r)
			}
		}
		right := wrong
		right.XAPIKey = merchantSecret("mended")
		b.mended(t, b.worker(t, right))
		if n := len(b.events(t)); n != 3 || s.Stats().Minted != 3 || b.counts(t).Open() != 0 {
			t.Errorf("%d events, %+v", n, b.counts(t))
		}
	})
}

// mended lets the breaker's time pass, and the held orders be given back until none is left: one
// as the probe, then the others.
func (b *bench) mended(t *testing.T, w *worker.Worker) {
	t.Helper()
	for _, breaker := range must(b.ledger.Breakers(ctx))(t) {
		b.rdb.HSet(ctx, b.ledger.Keys().Breaker(breaker.MerchantID), "until", 1)
	}
	for b.counts(t).Held > 0 {
		due := must(b.ledger.Unhold(ctx, 100))(t)
		if len(due) == 0 {
			t.Fatalf("nothing is given back of %+v", b.counts(t))
		}
		for _, d := range due {
			if err := w.Handle(ctx, queue.Task{ID: d.TaskID, Type: queue.TypeGenerate, Lane: d.Lane, Payload: d.Key.Reference()}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestOrderOfAnUnknownMerchantWaits(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		task := b.accept(t, event("M2", "r"))
		if err := b.worker(t, profile(t, "M1", at)).Handle(ctx, task); err != nil {
			t.Fatal(err)
		}
		if r := b.record(t, key("M2", "r")); r.State != ledger.Queued || r.HeldSince.IsZero() || r.Attempts != 0 || !strings.Contains(r.Why, "no_profile") {
			t.Errorf("%+v", r)
		}
		b.mended(t, b.worker(t, profile(t, "M1", at), profile(t, "M2", at)))
		if n := s.Stats().Posts; n != 1 {
			t.Errorf("%d POSTs", n)
		}
		if d := data[results.Issued](t, b.only(t), results.LinkIssued); d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
	})
}

func TestGivesUpByAgeOnly(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		k := key("M1", "r~500")
		task := b.accept(t, event("M1", "r~500"))
		// Another worker each time: one that had seen so many failures would open the breaker.
		if waits, _ := b.drive(t, b.worker(t, profile(t, "M1", at)), task); len(waits) != 10 {
			t.Fatalf("young, but done with after %v", waits)
		}
		b.set(t, k, "first", time.Now().Add(-25*time.Hour).UnixMilli(), "excused", (2 * time.Hour).Milliseconds())
		if waits, _ := b.drive(t, b.worker(t, profile(t, "M1", at)), task); len(waits) != 10 {
			t.Fatalf("two of 25 hours were excused, but done with after %v", waits)
		}
		b.set(t, k, "excused", (30 * time.Minute).Milliseconds())
		if waits, err := b.drive(t, b.worker(t, profile(t, "M1", at)), task); err != nil || len(waits) != 0 {
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

// TestRegressionRefusedConnectionsNeverBackedOff: an order whose connections were refused came back every
// second, for ever, since no attempt was counted and its age never began.
func TestRegressionRefusedConnectionsNeverBackedOff(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := newBench(t, addr, addr)
		task := b.accept(t, event("M1", "r"))
		closed := profile(t, "M1", "http://"+closedAddress(t))
		var longest time.Duration
		for range 12 {
			waits, _ := b.drive(t, b.worker(t, closed), task)
			longest = max(longest, slices.Max(waits))
			if longest > 20*time.Second {
				break
			}
		}
		if r := b.record(t, key("M1", "r")); longest < 20*time.Second || r.Attempts != 0 {
			t.Errorf("the longest wait was %v, attempts %d", longest, r.Attempts)
		}
		b.set(t, key("M1", "r"), "first", time.Now().Add(-25*time.Hour).UnixMilli())
		if waits, err := b.drive(t, b.worker(t, closed), task); err != nil || len(waits) != 0 {
			t.Fatalf("refused for a day, and not given up: %v %v", waits, err)
		}
		if d := data[results.Failed](t, b.only(t), results.LinkFailed); d.Code != worker.CodeGaveUp {
			t.Errorf("%+v", d)
		}
	})
}

// TestRegressionLateEventUndidACorrection: a task that held the order as it was before it was corrected came
// again, counted as another correction, and its old amount was published.
func TestRegressionLateEventUndidACorrection(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		w := b.worker(t, profile(t, "M1", at))
		task := func(amount int) queue.Task {
			return queue.Task{ID: fmt.Sprint("t", amount), Type: queue.TypeGenerate, Lane: order.Interactive, Payload: event("M1", "r~400x2", "amount", amount)}
		}
		for _, amount := range []int{1000, 500, 1000} {
			if err := w.Handle(ctx, task(amount)); err != nil {
				t.Fatal(err)
			}
		}
		var types []string
		for _, e := range b.events(t) {
			types = append(types, e.Type)
		}
		if want := []string{"link.failed", "link.failed", "order.conflict"}; !slices.Equal(types, want) {
			t.Errorf("got %v, want %v", types, want)
		}
	})
}

// TestRegressionUnreadFieldsWereDropped: an order that a newer version stored was sent without what this one
// could not read of it; without its amount, the customer would have chosen one.
func TestRegressionUnreadFieldsWereDropped(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		for ref, damage := range map[string]string{"amount": `"amount":"1000 JPY"`, "key": `"amount":1000,"new_key":"x"`} {
			task := b.accept(t, event("M1", ref))
			newer := strings.Replace(string(event("M1", ref)), `"amount":1000`, damage, 1)
			if err := b.rdb.Set(ctx, b.ledger.Keys().Payload(key("M1", ref)), newer, 0).Err(); err != nil {
				t.Fatal(err)
			}
			if err := b.worker(t, profile(t, "M1", at)).Handle(ctx, task); err != nil {
				t.Fatal(err)
			}
			if r := b.record(t, key("M1", ref)); r.State != ledger.Failed || r.Code != worker.CodeUnreadable {
				t.Errorf("%s: %+v", ref, r)
			}
		}
		if n := s.Stats().Posts; n != 0 {
			t.Errorf("%d POSTs", n)
		}
	})
}
