package worker_test

import (
	"context"
	"slices"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/worker"
)

// notebook is told what came in, and of attempts.
type notebook struct {
	received []intake.Status
	lanes    []order.Lane
	attempts []worker.Attempted
}

func (n *notebook) Attempted(_ context.Context, a worker.Attempted) {
	n.attempts = append(n.attempts, a)
}
func (n *notebook) EmailAttempted(context.Context, worker.EmailAttempted) {}
func (n *notebook) Recovered(order.Lane, int)                             {}

func (n *notebook) Received(_ context.Context, events []intake.Event, receipts []intake.Receipt) {
	for i := range events {
		n.received, n.lanes = append(n.received, receipts[i].Status), append(n.lanes, events[i].Lane)
	}
}

// noted is a worker that is observed.
func (b *bench) noted(t *testing.T, n *notebook, profiles ...merchant.Profile) *worker.Worker {
	t.Helper()
	client := gateway.New(gateway.Options{})
	t.Cleanup(client.CloseIdle)
	directory := merchant.NewDirectory(profiles...)
	door := intake.New(partition.Single(b.ledger), b.queue, directory, quiet).Observe(n.Received)
	return worker.New(b.ledger, client, directory, door, pacing.New(b.ledger.Slots, b.ledger.Gate, 10), 0, quiet, n)
}

// TestTasksThatHoldOrdersAreToldOfOnce: such a task comes again if asynq did not hear that it was done.
func TestTasksThatHoldOrdersAreToldOfOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		n := &notebook{}
		w := b.noted(t, n, profile(t, "M1", at))
		handle := func(id string, payload []byte) error { return w.Handle(ctx, taskOf(id, payload)) }

		if err := handle("new", event("M1", "r~500x1")); err != nil { // the gateway answers 500 at first
			t.Fatal(err)
		}
		b.leaveNoWait(t, key("M1", "r~500x1"))
		if err := handle("new", event("M1", "r~500x1")); err != nil {
			t.Fatal(err)
		}
		submission, err := b.door.Prepare(event("M1", "by-another-way"), order.Bulk)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.ledger.Accept(ctx, submission); err != nil {
			t.Fatal(err)
		}
		b.rdb.HIncrBy(ctx, b.ledger.Keys().Record(key("M1", "by-another-way")), "accepted", -1000)
		for id, payload := range map[string][]byte{
			"known":    event("M1", "by-another-way"),
			"conflict": event("M1", "r~500x1", "amount", 7),
			"invalid":  event("M1", "r3", "amuont", 7),
			"settled":  event("M1", "r~500x1"),
		} {
			if err := handle(id, payload); err != nil {
				t.Fatal(err)
			}
		}
		if n.received[0] != intake.Accepted || n.lanes[0] != order.Bulk {
			t.Errorf("first %v on %v", n.received[0], n.lanes[0])
		}
		slices.Sort(n.received)
		if want := []intake.Status{intake.Accepted, intake.Conflict, intake.Known, intake.Known, intake.Rejected}; !slices.Equal(n.received, want) {
			t.Errorf("told of %v, want %v", n.received, want)
		}
		took, known := n.attempts[0].EnqueueToLink()
		if !known || took <= 0 || took > patience {
			t.Errorf("the first attempt ended %v (%v) after its order was accepted", took, known)
		}
	})
}

// leaveNoWait has an order that waits be due at once.
func (b *bench) leaveNoWait(t *testing.T, k order.Key) {
	t.Helper()
	if err := b.rdb.HSet(ctx, b.ledger.Keys().Record(k), "wait", "0").Err(); err != nil {
		t.Fatal(err)
	}
}

func TestElapsedTimeThatIsNotKnown(t *testing.T) {
	if took, known := (&worker.Attempted{}).EnqueueToLink(); known {
		t.Errorf("of an order of an older version: %v", took)
	}
	if took, known := (&worker.EmailAttempted{Attempt: ledger.EmailAttempt{}}).LinkToEmail(); known {
		t.Errorf("of such an email: %v", took)
	}
}
