package ledger_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// modelBatch is a batch in the model: who is in it, and how far it is. Its counts are not kept but counted.
type modelBatch struct {
	run, refused      int
	sealed, cancelled bool
	state             ledger.BatchState
	members           []order.Key
}

func (m *model) openBatch(id string, again bool) {
	b := m.batches[id]
	switch {
	case b == nil:
		m.batches[id] = &modelBatch{run: 1, state: ledger.BatchRunning}
	case again && b.state != ledger.BatchRunning:
		b.run, b.refused, b.sealed, b.cancelled, b.state = b.run+1, 0, false, false, ledger.BatchRunning
	case again && b.sealed && !b.cancelled:
		b.sealed, b.refused = false, 0
	}
}

// shut tells whether a batch takes no new orders.
func (m *model) shut(id string) bool {
	b := m.batches[id]
	return b != nil && (b.state != ledger.BatchRunning || b.sealed)
}

func (m *model) join(id string, o *modelOrder) {
	b := m.batches[id]
	if b == nil || b.state != ledger.BatchRunning || b.sealed || slices.Contains(o.batches, id) {
		return
	}
	o.batches, b.members = append(slices.Clone(o.batches), id), append(b.members, o.key)
}

func (m *model) sealBatch(id string, run, refused int, cancel bool) {
	b := m.batches[id]
	if b == nil || b.run != run || b.state != ledger.BatchRunning {
		return
	}
	b.cancelled = b.cancelled || cancel
	if !b.sealed {
		b.sealed, b.refused = true, refused
	}
	m.finish(id)
}

func (m *model) countsOf(id string) (open, issued, failed int) {
	for _, k := range m.batches[id].members {
		switch m.orders[k].state {
		case ledger.Issued:
			issued++
		case ledger.Failed:
			failed++
		default:
			open++
		}
	}
	return open, issued, failed
}

func (m *model) finish(id string) {
	b := m.batches[id]
	open, issued, failed := m.countsOf(id)
	if b.state != ledger.BatchRunning || !b.sealed || open > 0 {
		return
	}
	switch {
	case b.cancelled:
		b.state = ledger.BatchCancelled
	case failed+b.refused == 0:
		b.state = ledger.BatchSucceeded
	case issued == 0:
		b.state = ledger.BatchFailed
	default:
		b.state = ledger.BatchPartly
	}
	m.events = append(m.events, fmt.Sprintf("%s:%d:batch.finished", id, b.run))
}

func (m *model) finishAll(o *modelOrder) {
	for _, id := range o.batches {
		m.finish(id)
	}
}

// cancel tells whether an order is given up with its batch.
func (m *model) cancel(id string, k order.Key) bool {
	o := m.orders[k]
	if o != nil && o.state == ledger.Failed && o.code == ledger.CodeCancelled {
		return true
	}
	if o == nil || o.state != ledger.Queued || o.attempts != 0 || o.uncertain || !slices.Equal(o.batches, []string{id}) {
		return false
	}
	o.state, o.code, o.listed, o.held, o.lapsed, o.nonce, o.parked, o.wait = ledger.Failed, ledger.CodeCancelled, true, false, false, "", 0, 0
	m.publish(o, "link.failed")
	m.finishAll(o)
	return true
}

func (w *machine) openBatch(t *rapid.T) {
	w.tick(t)
	id, again := rapid.SampledFrom([]string{"b1", "b2"}).Draw(t, "batch"), rapid.Bool().Draw(t, "again")
	_, err := w.l.OpenBatch(ctx, id, "", again)
	must(t, err)
	w.m.openBatch(id, again)
}

func (w *machine) sealBatch(t *rapid.T) {
	w.tick(t)
	id, run, refused := batchIDs.Draw(t, "batch"), rapid.IntRange(1, 2).Draw(t, "run"), rapid.IntRange(0, 1).Draw(t, "refused")
	must(t, w.l.SealBatch(ctx, id, run, refused))
	w.m.sealBatch(id, run, refused, false)
}

func (w *machine) cancelBatch(t *rapid.T) {
	w.tick(t)
	id := rapid.SampledFrom([]string{"b1", "b2"}).Draw(t, "batch")
	b := w.m.batches[id]
	if b == nil {
		return
	}
	must(t, w.l.CancelBatch(ctx, id, b.run))
	w.m.sealBatch(id, b.run, 0, true)
	keys, err := w.l.BatchOrders(ctx, id, 0, 100)
	must(t, err)
	var cancellations []ledger.Cancellation
	for _, k := range keys {
		cancellations = append(cancellations, ledger.Cancellation{Key: k})
	}
	got, errs := w.l.CancelAll(ctx, id, cancellations)
	for i, k := range keys {
		must(t, errs[i])
		if want := w.m.cancel(id, k); got[i] != want {
			t.Fatalf("cancel of %s: got %v, want %v", k, got[i], want)
		}
	}
}

func (w *machine) checkBatches(t *rapid.T) {
	for id, want := range w.m.batches {
		open, issued, failed := w.m.countsOf(id)
		got, found, err := w.l.Batch(ctx, id)
		must(t, err)
		if !found || got.State != want.state || got.Run != want.run || got.Sealed != want.sealed || got.Cancelled != want.cancelled ||
			got.Orders != len(want.members) || got.Open != open || got.Issued != issued || got.Failed != failed || got.Refused != want.refused {
			t.Fatalf("batch %s: got %+v, want %+v with %d open, %d issued, %d failed", id, got, *want, open, issued, failed)
		}
		members, err := w.l.BatchOrders(ctx, id, 0, 100)
		must(t, err)
		if !slices.Equal(members, want.members) {
			t.Fatalf("batch %s holds %v, want %v", id, members, want.members)
		}
	}
}
