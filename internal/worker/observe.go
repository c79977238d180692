package worker

import (
	"context"
	"log/slog"
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
	at := level(t.Answer, t.Settled, t.Err)
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

func level(ans gateway.Answer, settled ledger.Settlement, err error) slog.Level {
	switch {
	case err != nil:
		return slog.LevelError
	case settled == ledger.SettledIssued:
		return slog.LevelInfo
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
	at := slog.LevelWarn
	switch {
	case t.Err != nil:
		at, attrs = slog.LevelError, append(attrs, slog.String("error", t.Err.Error()))
	case t.Answer.Outcome == mail.Misconfigured:
		at = slog.LevelError
	case t.Settled == ledger.EmailSettledSent:
		at = slog.LevelInfo
	}
	log.LogAttrs(ctx, at, "email", attrs...)
}

// milliseconds is a duration for machines that read logs, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
