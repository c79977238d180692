package metrics

import (
	"context"
	"slices"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/worker"
)

var _ worker.Observer = (*Metrics)(nil)

// Attempted implements worker.Observer.
func (m *Metrics) Attempted(_ context.Context, t worker.Attempted) {
	of, lane := m.counts.of(t.Attempt.Key.MerchantID), laneIndex(t.Attempt.Lane)
	if i := slices.Index(calls[:], t.Answer.Outcome); i >= 0 {
		of.attempts[i].Inc()
	}
	if !t.Asked.IsZero() && !t.Answered.IsZero() {
		of.calls.Observe(t.Answered.Sub(t.Asked).Seconds())
	}
	switch t.Settled {
	case ledger.SettledIssued:
		of.settled[lane][issued].Inc()
		if took, known := t.EnqueueToLink(); known {
			m.counts.linkSeconds[lane].Observe(took.Seconds())
		}
	case ledger.SettledFailed:
		of.settled[lane][failed].Inc()
	case ledger.SettledSurplus:
		of.surplus.Inc()
	}
}

// EmailAttempted implements worker.Observer.
func (m *Metrics) EmailAttempted(_ context.Context, t worker.EmailAttempted) {
	of := m.counts.of(t.Attempt.Key.MerchantID)
	if i := slices.Index(sendings[:], t.Answer.Outcome); i >= 0 {
		of.emailAttempts[i].Inc()
	}
	if !t.Asked.IsZero() && !t.Answered.IsZero() {
		m.counts.emailCalls.Observe(t.Answered.Sub(t.Asked).Seconds())
	}
	switch t.Settled {
	case ledger.EmailSettledSent:
		of.emailsSettled[issued].Inc()
		if took, known := t.LinkToEmail(); known {
			m.counts.linkToEmail.Observe(took.Seconds())
		}
	case ledger.EmailSettledFailed:
		of.emailsSettled[failed].Inc()
	}
}

// Recovered implements worker.Observer.
func (m *Metrics) Recovered(lane order.Lane, orders int) {
	if c := m.counts.recoveries[lane]; c != nil {
		c.Add(float64(orders))
	}
}

// Received is an intake.Observer.
func (m *Metrics) Received(_ context.Context, events []intake.Event, receipts []intake.Receipt) {
	for i := range receipts {
		r := &receipts[i]
		if answer := slices.Index(answers[:], r.Status); answer >= 0 {
			m.counts.of(r.Key.MerchantID).received[laneIndex(events[i].Lane)][answer].Inc()
		}
	}
}
