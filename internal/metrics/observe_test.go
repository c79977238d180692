package metrics_test

import (
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/worker"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// attempted is an attempt that asked the gateway, two minutes after its order was accepted. The worker's clock is years behind.
func attempted(merchantID string, lane order.Lane, outcome gateway.Outcome, settled ledger.Settlement) worker.Attempted {
	ours := noon.AddDate(-5, 0, 0)
	return worker.Attempted{
		Attempt: ledger.Attempt{Key: order.Key{MerchantID: merchantID, Ref: "r1"}, Lane: lane, Accepted: noon.Add(-2 * time.Minute), Now: noon},
		Answer:  gateway.Answer{Outcome: outcome, Asked: true}, Settled: settled,
		Begun: ours, Claimed: ours.Add(time.Millisecond), Asked: ours.Add(2 * time.Millisecond), Answered: ours.Add(202 * time.Millisecond),
		Reported: ours.Add(203 * time.Millisecond),
	}
}

func TestAttemptsAreCounted(t *testing.T) {
	b := open(t, "embedded", profile("M1"), profile("M2"))
	b.Attempted(ctx, attempted("M1", order.Interactive, gateway.Issued, ledger.SettledIssued))
	b.Attempted(ctx, attempted("M1", order.Bulk, gateway.Issued, ledger.SettledIssued))
	b.Attempted(ctx, attempted("M1", order.Bulk, gateway.Issued, ledger.SettledSurplus))
	b.Attempted(ctx, attempted("M1", order.Bulk, gateway.Rejected, ledger.SettledFailed))
	b.Attempted(ctx, attempted("M1", order.Bulk, gateway.Uncertain, ledger.SettledReleased))
	b.Attempted(ctx, attempted("M1", order.Bulk, gateway.Uncertain, "")) // the ledger did not answer
	unasked := attempted("M1", order.Bulk, "not_asked", ledger.SettledReleased)
	unasked.Asked, unasked.Answered = time.Time{}, time.Time{}
	b.Attempted(ctx, unasked)
	b.Attempted(ctx, attempted("no such merchant", order.Bulk, gateway.Misconfigured, ledger.SettledHeld))
	b.Attempted(ctx, attempted("nor this one", order.Bulk, "of another version", ledger.SettledIssued))
	b.Recovered(order.Bulk, 7)
	b.Recovered(ledger.Mailing, 2)
	all := scrape(t, b.Metrics)
	want(t, all, map[[2]string]float64{
		{"hpplink_attempts_total", "M1 issued"}: 3, {"hpplink_attempts_total", "M1 rejected"}: 1,
		{"hpplink_attempts_total", "M1 uncertain"}: 2, {"hpplink_attempts_total", "M1 not_asked"}: 1,
		{"hpplink_attempts_total", "other misconfigured"}: 1, {"hpplink_attempts_total", "M2 issued"}: 0,
		{"hpplink_orders_settled_total", "interactive M1 issued"}: 1, {"hpplink_orders_settled_total", "bulk M1 issued"}: 1,
		{"hpplink_orders_settled_total", "bulk M1 failed"}: 1, {"hpplink_orders_settled_total", "bulk other issued"}: 1,
		{"hpplink_surplus_links_total", "M1"}:              1,
		{"hpplink_gateway_duration_seconds", "M1"}:         6, // the one that did not ask took no time
		{"hpplink_enqueue_to_link_seconds", "bulk"}:        2,
		{"hpplink_enqueue_to_link_seconds", "interactive"}: 1,
		{"hpplink_reaper_recovered_total", "bulk"}:         7, {"hpplink_reaper_recovered_total", "email"}: 2,
	})
	took := all["hpplink_enqueue_to_link_seconds"].Metric[1].Histogram
	if sum := took.GetSampleSum(); sum < 120.2 || sum > 120.21 {
		t.Errorf("from accepted to link: %v s, want 120.202", sum)
	}
	if sum := all["hpplink_gateway_duration_seconds"].Metric[0].Histogram.GetSampleSum(); sum < 1.199 || sum > 1.201 {
		t.Errorf("six calls took %v s, want 1.2", sum)
	}
}

func TestEmailsAreCounted(t *testing.T) {
	b := open(t, "embedded", profile("M1"))
	try := func(merchantID string, outcome mail.Outcome, settled ledger.EmailSettlement) {
		b.EmailAttempted(ctx, worker.EmailAttempted{
			Attempt: ledger.EmailAttempt{Key: order.Key{MerchantID: merchantID}, Issued: noon.Add(-time.Minute), Now: noon},
			Answer:  mail.Answer{Outcome: outcome}, Settled: settled,
			Claimed: noon, Asked: noon, Answered: noon.Add(time.Second), Reported: noon.Add(time.Second),
		})
	}
	try("M1", mail.Sent, ledger.EmailSettledSent)
	try("M1", mail.Refused, ledger.EmailSettledFailed)
	try("M1", mail.Retry, ledger.EmailSettledBack)
	try("gone", mail.Misconfigured, ledger.EmailSettledHeld)
	all := scrape(t, b.Metrics)
	want(t, all, map[[2]string]float64{
		{"hpplink_email_attempts_total", "M1 sent"}: 1, {"hpplink_email_attempts_total", "M1 refused"}: 1,
		{"hpplink_email_attempts_total", "M1 retry"}: 1, {"hpplink_email_attempts_total", "other misconfigured"}: 1,
		{"hpplink_emails_settled_total", "M1 sent"}: 1, {"hpplink_emails_settled_total", "M1 failed"}: 1,
		{"hpplink_email_duration_seconds", ""}: 4, {"hpplink_link_to_email_seconds", ""}: 1,
	})
	if sum := all["hpplink_link_to_email_seconds"].Metric[0].Histogram.GetSampleSum(); sum != 61 {
		t.Errorf("from link to email: %v s, want 61", sum)
	}
}

func TestOrdersThatComeInAreCounted(t *testing.T) {
	b := open(t, "embedded", profile("M1"))
	var events []intake.Event
	var receipts []intake.Receipt
	for _, s := range []intake.Status{
		intake.Accepted, intake.Accepted, intake.Known, intake.Conflict, intake.Rejected, intake.Full, intake.Closed, intake.Unknown,
	} {
		events = append(events, intake.Event{Lane: order.Bulk})
		receipts = append(receipts, intake.Receipt{Key: order.Key{MerchantID: "M1"}, Status: s})
	}
	b.Received(ctx, events, receipts)
	b.Received(ctx, []intake.Event{{Lane: order.Interactive}}, []intake.Receipt{{Status: intake.Rejected}})
	want(t, scrape(t, b.Metrics), map[[2]string]float64{
		{"hpplink_orders_received_total", "accepted bulk M1"}: 2, {"hpplink_orders_received_total", "known bulk M1"}: 1,
		{"hpplink_orders_received_total", "conflict bulk M1"}: 1, {"hpplink_orders_received_total", "invalid bulk M1"}: 1,
		{"hpplink_orders_received_total", "full bulk M1"}: 1, {"hpplink_orders_received_total", "closed bulk M1"}: 1,
		{"hpplink_orders_received_total", "unknown bulk M1"}: 1, {"hpplink_orders_received_total", "accepted interactive M1"}: 0,
		{"hpplink_orders_received_total", "invalid interactive other"}: 1,
	})
}

func BenchmarkAttempted(b *testing.B) {
	m := open(b, "embedded", profile("M1"), profile("M2"), profile("M3"))
	a := attempted("M2", order.Bulk, gateway.Issued, ledger.SettledIssued)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			m.Attempted(ctx, a)
		}
	})
}

func BenchmarkReceived(b *testing.B) {
	m := open(b, "embedded", profile("M1"), profile("M2"), profile("M3"))
	events, receipts := []intake.Event{{Lane: order.Bulk}}, []intake.Receipt{{Key: order.Key{MerchantID: "M2"}, Status: intake.Accepted}}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			m.Received(ctx, events, receipts)
		}
	})
}
