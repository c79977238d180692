package worker

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
)

// Attempted is all there is to know about one attempt to get a link, once it is over. Times are this process' clock; those
// of the attempt itself are the ledger's.
type Attempted struct {
	Attempt     ledger.Attempt
	Answer      gateway.Answer
	Settled     ledger.Settlement // "" when the ledger did not answer
	FailureCode string            // of link.failed, when the order failed
	Wait        time.Duration     // when the order was put back: before that nobody need look
	Err         error             // why the ledger was not told

	Begun    time.Time // its task was picked up
	Claimed  time.Time // the ledger granted it
	Asked    time.Time // the gateway was called first; zero when it was not
	Answered time.Time // and its last answer was there; zero when it was not called
	Reported time.Time // the ledger was told
}

// EmailAttempted is the same for an attempt to send an email.
type EmailAttempted struct {
	Attempt ledger.EmailAttempt
	Answer  mail.Answer
	Settled ledger.EmailSettlement // "" when the ledger did not answer
	Wait    time.Duration          // when the email was put back: before that nobody need look
	Err     error

	Begun, Claimed, Asked, Answered, Reported time.Time // Asked: the mail server was spoken to first; zero when it was not
}

// Observer is told of what workers did, after it was done. It must not block.
type Observer interface {
	Attempted(ctx context.Context, a Attempted)
	EmailAttempted(ctx context.Context, e EmailAttempted)
	Recovered(lane order.Lane, orders int) // the reaper gave them back
}

// logAttempt writes the one line about an attempt.
func logAttempt(ctx context.Context, log *slog.Logger, t *Attempted) {
	a := &t.Attempt
	at := t.level()
	if !log.Enabled(ctx, at) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 16),
		slog.String("merchant", a.Key.MerchantID), slog.String("ref", a.Key.Ref),
		slog.Int("generation", a.Generation), slog.Int("attempt", a.Attempts), slog.String("lane", string(a.Lane)),
		slog.String("outcome", string(t.Answer.Outcome)), slog.String("settled", string(t.Settled)),
		slog.Float64("duration_ms", milliseconds(t.Reported.Sub(t.Begun))),
	)
	optional := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	if !t.Asked.IsZero() {
		attrs = append(attrs, slog.Float64("gateway_ms", milliseconds(t.Answered.Sub(t.Asked))))
	}
	optional("code", t.Answer.Code)
	optional("message", t.Answer.Message)
	optional("link_id", t.Answer.Link.ID)
	optional("trace_id", traceID(a.Trace))
	if a.Uncertain {
		attrs = append(attrs, slog.Bool("uncertain", true))
	}
	if t.Answer.Status != 0 {
		attrs = append(attrs, slog.Int("status", t.Answer.Status))
	}
	if t.Wait > 0 {
		attrs = append(attrs, slog.Float64("wait_ms", milliseconds(t.Wait)))
	}
	if t.Err != nil {
		attrs = append(attrs, slog.String("error", t.Err.Error()))
	}
	log.LogAttrs(ctx, at, "attempt", attrs...)
}

// level is how much an attempt is to people. That an order waits for its turn, as its merchant's rate has it, is as it should
// be.
func (t *Attempted) level() slog.Level {
	switch {
	case t.Err != nil:
		return slog.LevelError
	case t.Settled == ledger.SettledIssued:
		return slog.LevelInfo
	case t.Settled == ledger.SettledReleased && (t.Answer.Code == codePaced || t.Answer.Code == codeLoaded):
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// logEmail writes the one line about an attempt to send an email.
func logEmail(ctx context.Context, log *slog.Logger, t *EmailAttempted) {
	a := &t.Attempt
	attrs := []slog.Attr{
		slog.String("merchant", a.Key.MerchantID), slog.String("ref", a.Key.Ref), slog.Int("generation", a.Generation),
		slog.Int("attempt", a.Number), slog.String("outcome", string(t.Answer.Outcome)), slog.String("settled", string(t.Settled)),
		slog.Float64("duration_ms", milliseconds(t.Reported.Sub(t.Begun))),
	}
	if t.Answer.Code != "" {
		attrs = append(attrs, slog.String("code", t.Answer.Code), slog.String("message", t.Answer.Message))
	}
	if a.Doubtful {
		attrs = append(attrs, slog.Bool("doubtful", true))
	}
	if id := traceID(a.Trace); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if t.Wait > 0 {
		attrs = append(attrs, slog.Float64("wait_ms", milliseconds(t.Wait)))
	}
	if t.Err != nil {
		attrs = append(attrs, slog.String("error", t.Err.Error()))
	}
	log.LogAttrs(ctx, t.level(), "email", attrs...)
}

func (t *EmailAttempted) level() slog.Level {
	switch {
	case t.Err != nil:
		return slog.LevelError
	case t.Settled == ledger.EmailSettledSent:
		return slog.LevelInfo
	case t.Settled == ledger.EmailSettledBack && t.Answer.Code == codePaced:
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// traceID is the part of a traceparent that names the trace; "" where there is none.
func traceID(traceparent string) string {
	_, after, _ := strings.Cut(traceparent, "-")
	id, _, _ := strings.Cut(after, "-")
	return id
}

// milliseconds is a duration for machines that read logs, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
