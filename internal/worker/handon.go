package worker

import (
	"context"
	"errors"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// errNotHandedOn has the door be tried again.
var errNotHandedOn = errors.New("an order could not be handed to its partition")

// handOn hands a whole order, which a plain asynq client sent, to the partition that it belongs to. Its task is done then. While no
// answer comes it tries for a little while: the task may be the only place where the order is, and this the last time that asynq
// brings it.
func (w *Worker) handOn(ctx context.Context, t queue.Task) error {
	event := []intake.Event{{JSON: t.Payload, Lane: t.Lane, Trace: t.Trace, Urgent: true}}
	var r intake.Receipt
	_, _ = insist(ctx, giveBackFor, func() (struct{}, error) {
		if r = w.door.Submit(ctx, event)[0]; r.Status == intake.Unknown {
			return struct{}{}, errNotHandedOn
		}
		return struct{}{}, nil
	})
	switch r.Status {
	case intake.Accepted, intake.Known:
		return nil
	case intake.Conflict:
		w.log.Warn("a task held another order than the ledger", "task", t.ID, "merchant", r.Key.MerchantID, "ref", r.Key.Ref, "fields", r.Differs)
		return w.answered(w.ledger.RejectConflict(ctx, t.ID, r.Key, r.Differs))
	case intake.Rejected: // since it was read, the settings have changed
		return w.refuse(ctx, t, r.Key, &order.InvalidError{Problems: r.Problems})
	}
	w.log.Error("an order could not be handed to its partition", "merchant", r.Key.MerchantID, "ref", r.Key.Ref, "error", r.Err)
	return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
}
