package metrics

import (
	"maps"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/mail"
)

// The values of labels, each with the place of its counter.
const (
	issued, failed = 0, 1

	notAsked gateway.Outcome = "not_asked" // as workers say it
)

var (
	outcomes      = [...]string{issued: "issued", failed: "failed"}
	emailOutcomes = [...]string{issued: "sent", failed: "failed"}

	// answers are what the door says; what is not valid is called so here.
	answers = [...]intake.Status{intake.Accepted, intake.Known, intake.Conflict, intake.Rejected, intake.Full, intake.Closed, intake.Unknown}
	invalid = "invalid"

	calls = [...]gateway.Outcome{
		gateway.Issued, gateway.Rejected, gateway.Duplicate, gateway.Misconfigured, gateway.Throttled, gateway.Unavailable, gateway.Uncertain, notAsked,
	}
	sendings = [...]mail.Outcome{mail.Sent, mail.Retry, mail.Refused, mail.Misconfigured, mail.Unknown}
)

// ofMerchant are the counters of one merchant.
type ofMerchant struct {
	received [len(lanes)][len(answers)]prometheus.Counter
	settled  [len(lanes)][len(outcomes)]prometheus.Counter
	attempts [len(calls)]prometheus.Counter
	calls    prometheus.Observer
	surplus  prometheus.Counter

	emailAttempts [len(sendings)]prometheus.Counter
	emailsSettled [len(emailOutcomes)]prometheus.Counter
}

func (c *counts) newMerchant(label string) *ofMerchant {
	m := &ofMerchant{calls: c.calls.WithLabelValues(label), surplus: c.surplus.WithLabelValues(label)}
	for i, lane := range lanes {
		for j, answer := range answers {
			if answer == intake.Rejected {
				answer = intake.Status(invalid)
			}
			m.received[i][j] = c.received.WithLabelValues(label, string(lane), string(answer))
		}
		for j, outcome := range outcomes {
			m.settled[i][j] = c.settled.WithLabelValues(label, string(lane), outcome)
		}
	}
	for i, outcome := range calls {
		m.attempts[i] = c.attempts.WithLabelValues(label, string(outcome))
	}
	for i, outcome := range sendings {
		m.emailAttempts[i] = c.emailAttempts.WithLabelValues(label, string(outcome))
	}
	for i, outcome := range emailOutcomes {
		m.emailsSettled[i] = c.emailsSettled.WithLabelValues(label, outcome)
	}
	return m
}

// of returns the counters of a merchant.
func (c *counts) of(merchantID string) *ofMerchant {
	if _, known := c.merchants.Lookup(merchantID); !known {
		return c.others
	}
	if m := (*c.known.Load())[merchantID]; m != nil {
		return m
	}
	return c.add(merchantID)
}

func (c *counts) add(merchantID string) *ofMerchant {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := *c.known.Load()
	if m := now[merchantID]; m != nil {
		return m
	}
	more := maps.Clone(now)
	more[merchantID] = c.newMerchant(labelOf(merchantID))
	c.known.Store(&more)
	return more[merchantID]
}
