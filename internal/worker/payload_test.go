package worker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/results"
)

func merchantSecret(s string) merchant.Secret { return merchant.NewSecret(s) }

func taskOf(id string, payload []byte) queue.Task {
	return queue.Task{ID: id, Type: queue.TypeGenerate, Lane: order.Bulk, Payload: payload}
}

func TestFullOrderAsAPayload(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		w := b.worker(t, profile(t, "M1", at))
		for _, id := range []string{"one", "two", "two"} {
			if err := w.Handle(ctx, taskOf(id, event("M1", "r"))); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := b.outcome(t, s), (outcome{results.LinkIssued, "", 1, false, 1, 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if r := b.record(t, key("M1", "r")); r.Lane != order.Bulk {
			t.Errorf("lane %s", r.Lane)
		}
	})
}

// TestFullOrderFromAPlainClient has asynq's own client as its producer, with an id and options of its own choice.
func TestFullOrderFromAPlainClient(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		w := b.worker(t, profile(t, "M1", at))
		b.serve(t, w)
		client := asynq.NewClient(b.conn.AsynqOpt())
		defer client.Close()
		for range 2 {
			if _, err := client.Enqueue(asynq.NewTask(queue.TypeGenerate, event("M1", "r~503x1")), asynq.Queue("hpp-bulk")); err != nil {
				t.Fatal(err)
			}
		}
		if e := b.await(t, 1)[0]; e.Type != results.LinkIssued {
			t.Errorf("%+v", e)
		}
		b.idle(t)
		b.only(t)
	})
}

// TestRegressionTasksOfOrdersThatWaitAreReferences: a plain client's task held its order, personal data and all, as long as that
// was tried; and for months in asynq's archive if its producer had wanted no retries.
func TestRegressionTasksOfOrdersThatWaitAreReferences(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		w := b.worker(t, profile(t, "M1", at))
		if err := w.Handle(ctx, taskOf("plain", event("M1", "r~503x1"))); err != nil {
			t.Fatal(err)
		}
		inspector := asynq.NewInspector(b.conn.AsynqOpt())
		defer inspector.Close()
		pending, err := inspector.ListPendingTasks("hpp-bulk")
		scheduled, errScheduled := inspector.ListScheduledTasks("hpp-bulk")
		left := append(pending, scheduled...)
		if err := errors.Join(err, errScheduled); err != nil || len(left) != 1 {
			t.Fatalf("%v, %v", left, err)
		}
		if want := string(key("M1", "r~503x1").Reference()); string(left[0].Payload) != want {
			t.Errorf("the next attempt's task holds %s, want %s", left[0].Payload, want)
		}
	})
}

func TestPayloadThatIsNoOrder(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.worker(t, profile(t, "M1", "http://127.0.0.1:1"))
		for id, test := range map[string]struct {
			payload, ref string
			fields       []string
		}{
			"empty":   {"", "", []string{""}},
			"no-json": {"\xff{", "", []string{""}},
			"array":   {"[]", "", []string{""}},
			"partial": {`{"merchant_id":"M1","merchant_txn_ref":"r","currency":"EUR"}`, "r",
				[]string{"/billing_address", "/merchant_email", "/payment_method", "/return_url"}},
			"unknown-key":      {string(event("M1", "u", "amuont", 1)), "u", []string{"/amuont"}},
			"unknown-merchant": {string(event("M9", "m")), "m", []string{"/merchant_id"}},
			"nobody-to-mail":   {string(event("M1", "d", "delivery", map[string]any{"email": map[string]any{"to": "a@b.example"}})), "d", []string{"/delivery/email"}},
			"reference-and-more": {`{"merchant_id":"M1","merchant_txn_ref":"x","lane":"bulk"}`, "x",
				[]string{"/billing_address", "/currency", "/lane", "/merchant_email", "/payment_method", "/return_url"}},
		} {
			if err := w.Handle(ctx, taskOf(id, []byte(test.payload))); err != nil {
				t.Errorf("%s comes again: %v", id, err)
			}
			all := b.events(t)
			e := all[len(all)-1]
			d := data[results.Rejected](t, e, results.OrderRejected)
			var fields []string
			for _, p := range d.Errors {
				fields = append(fields, p.Field)
			}
			if d.SourceID != id || e.Ref != test.ref || !slices.Equal(fields, test.fields) {
				t.Errorf("%s: %q about %q: %q, want %q", id, d.SourceID, e.Ref, fields, test.fields)
			}
		}
		if c := b.counts(t); c.Open()+c.Failed != 0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestPayloadInConflictWithTheLedger(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		w := b.worker(t, profile(t, "M1", at))
		kept := b.accept(t, event("M1", "r"))
		if err := w.Handle(ctx, taskOf("other", event("M1", "r", "amount", 2000, "customer_ip", "203.0.113.7"))); err != nil {
			t.Fatal(err)
		}
		d := data[results.Conflict](t, b.only(t), results.OrderConflict)
		if d.SourceID != "other" || !slices.Equal(d.Fields, []string{"amount", "customer_ip"}) || s.Stats().Posts != 0 {
			t.Errorf("%+v after %d POSTs", d, s.Stats().Posts)
		}
		if err := w.Handle(ctx, kept); err != nil {
			t.Fatal(err)
		}
		if r := b.record(t, key("M1", "r")); r.Amount != "1000" || r.State != ledger.Issued {
			t.Errorf("the order that was there: %+v", r)
		}
	})
}

func TestReferenceWithoutARecord(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		w := b.worker(t, profile(t, "M1", "http://127.0.0.1:1"))
		err := w.Handle(ctx, taskOf("direct", key("M1", "gone").Reference()))
		if drop, ok := errors.AsType[queue.Drop](err); !ok || strings.Contains(drop.Reason, "gone") {
			t.Errorf("%v", err)
		}
		d := data[results.Rejected](t, b.only(t), results.OrderRejected)
		if d.SourceID != "direct" || len(d.Errors) != 1 || d.Errors[0].Field != "/merchant_txn_ref" || b.only(t).Key() != key("M1", "gone") {
			t.Errorf("%+v", d)
		}

		b.serve(t, w)
		if err := b.queue.Enqueue(ctx, order.Interactive, "queued", key("M1", "gone").Reference()); err != nil {
			t.Fatal(err)
		}
		b.await(t, 2)
		b.idle(t)
		if n := b.rdb.ZCard(ctx, "asynq:{hpp-interactive}:archived").Val(); n != 1 || b.counts(t).Open() != 0 {
			t.Errorf("%d tasks in the archive, %+v", n, b.counts(t))
		}
	})
}

func TestCorrectedOrderInATask(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		w := b.worker(t, profile(t, "M1", at))
		if err := w.Handle(ctx, taskOf("wrong", event("M1", "r~400x1"))); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"wrong again", "right", "right again"} {
			payload := event("M1", "r~400x1")
			if id != "wrong again" {
				payload = event("M1", "r~400x1", "amount", 2000)
			}
			if err := w.Handle(ctx, taskOf(id, payload)); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, e := range b.events(t) {
			got = append(got, e.ID)
		}
		want := []string{key("M1", "r~400x1").String() + ":1:link.failed", key("M1", "r~400x1").String() + ":2:link.issued"}
		if !slices.Equal(got, want) || s.Stats().Posts != 2 {
			t.Errorf("%q after %d POSTs", got, s.Stats().Posts)
		}
	})
}
