// Package intake is the one door by which orders come in: it decodes an order event, fills in
// the merchant's defaults, validates it, hands it to the ledger and enqueues its task.
//
// It knows what makes an order acceptable. It does not know where orders come from, nor what
// becomes of them.
package intake

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
)

// Door takes orders in. It is safe for concurrent use.
type Door struct {
	ledger    *partition.Ledger
	queue     *queue.Client
	merchants *merchant.Directory
	log       *slog.Logger
	mail      mailers
	tracer    Tracer // nil: no spans
	observers []Observer
}

// New returns a door to this ledger and queue. Where m is nil, no merchants are known at this
// door, and every order needs to bring all its fields.
func New(l *partition.Ledger, q *queue.Client, m *merchant.Directory, log *slog.Logger) *Door {
	return &Door{ledger: l, queue: q, merchants: m, log: log}
}

// Keeps reports whether an order belongs to the partition of this namespace, and by which version of the layout; see
// partition.Ledger.Keeps.
func (d *Door) Keeps(namespace string, key order.Key) (layout int, keeps bool) {
	return d.ledger.Keeps(namespace, key)
}

// Event is an order event as its producer sent it.
type Event struct {
	JSON    []byte
	Lane    order.Lane
	Batch   string // the batch it is handed in with; "" for none
	Tried   bool   // Try has found it valid at this door: it is not validated again
	Trace   string // the W3C traceparent that it came with, whatever it is worth; "" for none
	Urgent  bool   // it is taken in however much is open: it has nowhere to wait
	Reissue bool   // when the order is settled already: ask for another link on purpose, whatever the content is now
}

// Status is what became of an event at the door.
type Status string

const (
	Accepted Status = "accepted" // it will get its link, or a failure will be published
	Known    Status = "known"    // the same order was accepted before; see Receipt.Record
	Conflict Status = "conflict" // another order is known under that ref, and untouched; see Receipt.Differs
	Rejected Status = "rejected" // it is no valid order; see Receipt.Problems
	Full     Status = "full"     // too many of the merchant's orders are open: send it again later
	Closed   Status = "closed"   // its batch takes no more orders: it was sealed or cancelled
	Unknown  Status = "unknown"  // Redis did not say; it is safe to send it again; see Receipt.Err
)

// Receipt answers one event.
type Receipt struct {
	Key        order.Key // as far as it could be read
	Content    string    // tells orders of one key apart that say something else; "" when rejected
	Amount     string    // when not rejected; "" when the customer enters it
	Currency   string
	Status     Status
	Generation int
	Record     ledger.Record   // when known or in conflict: the order as it stands
	Differs    []string        // when in conflict: the top-level fields that differ
	Problems   []order.Problem // when rejected
	Err        error           // when unknown
}

// Submit takes events in: one round trip for all of them together, then their tasks. Each gets
// its own receipt. An accepted order is safe even if its task could not be enqueued: a worker's reaper
// makes it another.
func (d *Door) Submit(ctx context.Context, events []Event) []Receipt {
	events, answered := d.begin(events)
	receipts, submissions, answers := d.admit(ctx, events, d.ledger.AcceptAll)
	d.enqueue(ctx, submissions, answers)
	answered(receipts)
	d.tell(ctx, events, receipts)
	return receipts
}

// Try says what Submit would answer now, and takes nothing in. It never answers Full.
func (d *Door) Try(ctx context.Context, events []Event) []Receipt {
	receipts, _, _ := d.admit(ctx, events, d.ledger.TryAll)
	return receipts
}

type acceptor func(context.Context, []ledger.Submission) ([]ledger.Acceptance, []error)

// admit has the valid events among these accepted, and returns a receipt for each event, and what was handed to the ledger
// with its answers.
func (d *Door) admit(ctx context.Context, events []Event, accept acceptor) (receipts []Receipt, submissions []ledger.Submission, answers []ledger.Acceptance) {
	receipts = make([]Receipt, len(events))
	var at []int // submissions[i] is for receipts[at[i]]
	for i, e := range events {
		o, s, err := d.prepare(e)
		receipts[i].Key = s.Key
		if err == nil && e.Reissue {
			s.Reissue, err = d.settledGeneration(ctx, s.Key)
		}
		if err != nil {
			receipts[i].refuse(err)
			continue
		}
		s.Batch = e.Batch
		if e.Urgent {
			s.MaxOpen = 0
		}
		if d.tracer != nil {
			s.Trace = e.Trace
		}
		receipts[i].Content, receipts[i].Amount, receipts[i].Currency = s.Fingerprint.Sum, o.Amount, o.Currency
		submissions, at = append(submissions, s), append(at, i)
	}
	answers, errs := accept(ctx, submissions)
	for i := range submissions {
		receipts[at[i]].answer(answers[i], errs[i])
	}
	return receipts, submissions, answers
}

// settledGeneration names the generation that a reissue follows, so that asking twice makes one
// link, not two.
func (d *Door) settledGeneration(ctx context.Context, key order.Key) (int, error) {
	r, found, err := d.ledger.Get(ctx, key)
	if err != nil || !found || (r.State != ledger.Issued && r.State != ledger.Failed) {
		return 0, err
	}
	return r.Generation, nil
}

func (r *Receipt) refuse(err error) {
	var invalid *order.InvalidError
	if errors.As(err, &invalid) {
		r.Status, r.Problems = Rejected, invalid.Problems
		return
	}
	r.Status, r.Err = Unknown, err
}

func (r *Receipt) answer(a ledger.Acceptance, err error) {
	r.Generation, r.Record, r.Differs = a.Generation, a.Record, a.Differs
	switch {
	case err != nil:
		r.Status, r.Err = Unknown, err
	case a.Decision == ledger.Accepted:
		r.Status = Accepted
	case a.Decision == ledger.Known:
		r.Status = Known
	case a.Decision == ledger.Full:
		r.Status = Full
	case a.Decision == ledger.Closed:
		r.Status = Closed
	default:
		r.Status = Conflict
	}
}

func (d *Door) enqueue(ctx context.Context, submissions []ledger.Submission, answers []ledger.Acceptance) {
	var entries []queue.Entry
	for i, s := range submissions {
		if answers[i].Decision == ledger.Accepted {
			entries = append(entries, queue.Entry{Lane: s.Lane, TaskID: answers[i].TaskID, Payload: s.Key.Reference(), Namespace: answers[i].Namespace})
		}
	}
	for i, err := range d.queue.EnqueueMany(ctx, entries) {
		if err != nil {
			d.log.Warn("an accepted order waits for the reaper: its task was not enqueued", "task", entries[i].TaskID, "error", err)
		}
	}
}
