package worker

import (
	"context"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// justNow is how long before its first claim an order was accepted at most that came with the claim itself: both are one step
// of the ledger.
const justNow = 100 * time.Millisecond

// begin begins the span of a task that holds a whole order, under which the order is worked from then on. answered ends it, and is
// nil where no spans are made.
func (w *Worker) begin(t queue.Task, full *ledger.Submission) (answered func(intake.Receipt)) {
	if full == nil {
		return nil
	}
	full.Trace, answered = w.door.Begin(intake.Event{JSON: t.Payload, Lane: t.Lane, Trace: t.Trace})
	return answered
}

// told ends the span of a task that held a whole order, and tells those who observe the door.
func (w *Worker) told(ctx context.Context, t queue.Task, r intake.Receipt, answered func(intake.Receipt)) {
	if answered != nil {
		answered(r)
	}
	w.door.Told(ctx, intake.Event{Lane: t.Lane}, r)
}

// received is how the claim of a whole order that came with its task answers it. It reports false where there is nothing to
// answer: the task holds no order, or it was answered before and comes again for the order's next attempt.
func received(key order.Key, full *ledger.Submission, c ledger.Claim, err error) (intake.Receipt, bool) {
	if full == nil {
		return intake.Receipt{}, false
	}
	r := intake.Receipt{Key: key, Status: intake.Known, Err: err}
	switch {
	case err != nil:
		r.Status = intake.Unknown
	case c.Grant == ledger.ClaimConflict:
		r.Status = intake.Conflict
	case c.Grant == ledger.HeldByBreaker: // new or known, its task is done
		r.Status = intake.Accepted
	case c.Grant == ledger.Granted && c.Attempt.Number > 1:
		return r, false
	case c.Grant == ledger.Granted && cameWith(&c.Attempt, full):
		r.Status, r.Generation = intake.Accepted, c.Attempt.Generation
	}
	return r, true
}

// cameWith reports whether the order of a first attempt was accepted with its very claim. Only of one that is traced is that sure.
func cameWith(a *ledger.Attempt, full *ledger.Submission) bool {
	if full.Trace != "" {
		return a.Trace == full.Trace
	}
	return a.Now.Sub(a.Accepted) <= justNow
}
