package worker

import (
	"context"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/queue"
)

// handOn hands a whole order, which a plain asynq client sent, to the partition that it belongs to. Its task is done then.
func (w *Worker) handOn(ctx context.Context, t queue.Task) error {
	r := w.door.Submit(ctx, []intake.Event{{JSON: t.Payload, Lane: t.Lane, Trace: t.Trace, Urgent: true}})[0]
	switch r.Status {
	case intake.Accepted, intake.Known:
		return nil
	case intake.Conflict:
		w.log.Warn("a task held another order than the ledger", "task", t.ID, "merchant", r.Key.MerchantID, "ref", r.Key.Ref, "fields", r.Differs)
		return w.answered(w.ledger.RejectConflict(ctx, t.ID, r.Key, r.Differs))
	}
	w.log.Error("an order could not be handed to its partition", "merchant", r.Key.MerchantID, "ref", r.Key.Ref, "error", r.Err)
	return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
}
