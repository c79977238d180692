package tracing

import (
	"cmp"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/worker"
)

// ledgerAway is the trouble of an attempt of which the ledger could not be told.
const ledgerAway = "ledger_away"

// attempt is what an attempt's span tells. Messages are left out: they are the gateway's own words.
func (o *observer) attempt(t *worker.Attempted) []attribute.KeyValue {
	a := &t.Attempt
	about := append(who(a.Key),
		attrLane.String(string(a.Lane)), attrGeneration.Int(a.Generation), attrAttempt.Int(a.Number),
		attrOutcome.String(string(t.Answer.Outcome)), attrSettled.String(string(t.Settled)))
	about = append(about, o.names.tasks[a.Lane]...)
	about = word(about, attrCode, t.Answer.Code)
	about = word(about, attrFailureCode, t.FailureCode)
	if t.Answer.Status != 0 {
		about = append(about, semconv.HTTPResponseStatusCode(t.Answer.Status))
	}
	if a.Uncertain {
		about = append(about, attrUncertain.Bool(true))
	}
	if t.Settled == ledger.SettledReleased {
		about = append(about, attrRetryIn.Int64(t.Wait.Milliseconds()))
	}
	return about
}

// attemptTrouble says why an attempt did not do what it was for. That an order waits for its turn is no trouble.
func attemptTrouble(t *worker.Attempted) string {
	switch {
	case t.Err != nil:
		return ledgerAway
	case t.Answer.Outcome == gateway.Issued, t.Asked.IsZero() && t.Settled == ledger.SettledReleased:
		return ""
	}
	return callTrouble(t.Answer)
}

// call is what the span of a call of the gateway tells. The gateway is not told of the trace: it is somebody else's.
func (o *observer) call(key order.Key, ans gateway.Answer) []attribute.KeyValue {
	about := []attribute.KeyValue{semconv.HTTPRequestMethodPost, attrMerchant.String(key.Brief().MerchantID)}
	if p, known := o.merchants.Lookup(key.MerchantID); known && p.GatewayURL != nil {
		about = append(about, semconv.ServerAddress(p.GatewayURL.Hostname()))
		if port, err := strconv.Atoi(p.GatewayURL.Port()); err == nil {
			about = append(about, semconv.ServerPort(port))
		}
	}
	if ans.Status != 0 {
		about = append(about, semconv.HTTPResponseStatusCode(ans.Status))
	}
	return about
}

func callTrouble(ans gateway.Answer) string {
	if ans.Outcome == gateway.Issued {
		return ""
	}
	return cmp.Or(ans.Code, string(ans.Outcome))
}

// email is what the span of an attempt to send an email tells.
func (o *observer) email(t *worker.EmailAttempted) []attribute.KeyValue {
	a := &t.Attempt
	about := append(who(a.Key),
		attrGeneration.Int(a.Generation), attrAttempt.Int(a.Number),
		attrOutcome.String(string(t.Answer.Outcome)), attrSettled.String(string(t.Settled)))
	about = append(about, o.names.tasks[queue.Email]...)
	about = word(about, attrCode, t.Answer.Code)
	if t.Answer.Status != 0 {
		about = append(about, attrSMTPStatus.Int(t.Answer.Status))
	}
	if a.Doubtful {
		about = append(about, attrUncertain.Bool(true))
	}
	if t.Settled == ledger.EmailSettledBack {
		about = append(about, attrRetryIn.Int64(t.Wait.Milliseconds()))
	}
	return about
}

func emailTrouble(t *worker.EmailAttempted) string {
	switch {
	case t.Err != nil:
		return ledgerAway
	case t.Answer.Outcome == mail.Sent, t.Asked.IsZero() && t.Settled == ledger.EmailSettledBack:
		return ""
	}
	return cmp.Or(t.Answer.Code, string(t.Answer.Outcome))
}

func word(about []attribute.KeyValue, name attribute.Key, value string) []attribute.KeyValue {
	if value == "" {
		return about
	}
	return append(about, name.String(value))
}
