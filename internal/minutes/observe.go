package minutes

import (
	"context"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/worker"
)

var _ worker.Observer = (*Recorder)(nil)

// Attempted implements worker.Observer.
func (r *Recorder) Attempted(_ context.Context, t worker.Attempted) {
	switch t.Settled {
	case ledger.SettledIssued:
		took, _ := t.EnqueueToLink()
		r.Issued(t.Attempt.Lane, took)
	case ledger.SettledFailed:
		r.Failed(t.Attempt.Lane)
	}
}

// EmailAttempted implements worker.Observer.
func (r *Recorder) EmailAttempted(_ context.Context, t worker.EmailAttempted) {
	switch t.Settled {
	case ledger.EmailSettledSent:
		r.Emailed()
	case ledger.EmailSettledFailed:
		r.EmailFailed()
	}
}

// Recovered implements worker.Observer.
func (r *Recorder) Recovered(order.Lane, int) {}

// Received is an intake.Observer.
func (r *Recorder) Received(_ context.Context, events []intake.Event, receipts []intake.Receipt) {
	for i := range receipts {
		if receipts[i].Status == intake.Accepted {
			r.Accepted(events[i].Lane, 1)
		}
	}
}
