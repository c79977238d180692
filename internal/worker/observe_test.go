package worker

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

// TestLevels: at level info there is a line for each link, warnings are worth a look some day, and an error needs somebody now.
func TestLevels(t *testing.T) {
	for name, test := range map[string]struct {
		attempt Attempted
		want    slog.Level
	}{
		"issued":                      {Attempted{Settled: ledger.SettledIssued, Answer: gateway.Answer{Outcome: gateway.Issued}}, slog.LevelInfo},
		"refused":                     {Attempted{Settled: ledger.SettledFailed, Answer: gateway.Answer{Outcome: gateway.Rejected}}, slog.LevelWarn},
		"tried again":                 {Attempted{Settled: ledger.SettledReleased, Answer: gateway.Answer{Outcome: gateway.Uncertain}}, slog.LevelWarn},
		"surplus":                     {Attempted{Settled: ledger.SettledSurplus, Answer: gateway.Answer{Outcome: gateway.Issued}}, slog.LevelWarn},
		"waits for its turn":          {Attempted{Settled: ledger.SettledReleased, Answer: paced(time.Second, 20)}, slog.LevelDebug},
		"waits for the gateway":       {Attempted{Settled: ledger.SettledReleased, Answer: unasked(codeLoaded, "")}, slog.LevelDebug},
		"held up":                     {Attempted{Settled: ledger.SettledReleased, Answer: unasked(codeNoLease, "")}, slog.LevelWarn},
		"expired":                     {Attempted{Settled: ledger.SettledFailed, Answer: unasked(CodeExpired, "")}, slog.LevelWarn},
		"a link that was not stored":  {Attempted{Answer: gateway.Answer{Outcome: gateway.Issued}, Err: errTest}, slog.LevelError},
		"a turn that was not settled": {Attempted{Answer: paced(time.Second, 20), Err: errTest}, slog.LevelError},
	} {
		var out bytes.Buffer
		logAttempt(t.Context(), debugLog(&out), &test.attempt)
		if got := out.String(); !strings.HasPrefix(got, "level="+test.want.String()+" msg=attempt") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestLevelsOfEmails(t *testing.T) {
	for name, test := range map[string]struct {
		attempt EmailAttempted
		want    slog.Level
	}{
		"sent":               {EmailAttempted{Settled: ledger.EmailSettledSent}, slog.LevelInfo},
		"refused":            {EmailAttempted{Settled: ledger.EmailSettledFailed, Answer: mail.Answer{Outcome: mail.Refused, Code: "smtp_550"}}, slog.LevelWarn},
		"our login":          {EmailAttempted{Answer: mail.Answer{Outcome: mail.Misconfigured, Code: "smtp_535"}}, slog.LevelWarn},
		"waits for its turn": {EmailAttempted{Settled: ledger.EmailSettledBack, Wait: time.Second, Answer: mail.Answer{Outcome: mail.Retry, Code: codePaced}}, slog.LevelDebug},
		"not now":            {EmailAttempted{Settled: ledger.EmailSettledBack, Wait: time.Second, Answer: mail.Answer{Outcome: mail.Retry, Code: "smtp_451"}}, slog.LevelWarn},
		"not told":           {EmailAttempted{Err: errors.New("away")}, slog.LevelError},
	} {
		var out bytes.Buffer
		logEmail(t.Context(), debugLog(&out), &test.attempt)
		if got := out.String(); !strings.HasPrefix(got, "level="+test.want.String()+" msg=email") || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestRegressionHeldEmailsAreToldOnce: a wrong password was an error in the log every 15 seconds, a mail server that is away none.
func TestRegressionHeldEmailsAreToldOnce(t *testing.T) {
	var out bytes.Buffer
	m := Mailer{log: debugLog(&out), pacer: pacing.New(nil, nil, 1)}
	of := func(merchantID string, v ledger.EmailVerdict, ans mail.Answer) {
		m.tell(&EmailAttempted{Attempt: ledger.EmailAttempt{Key: order.Key{MerchantID: merchantID}}, Answer: ans}, v)
	}
	away := mail.Answer{Outcome: mail.Retry, Code: "connection_refused", Message: "nobody answers"}
	for range 3 {
		of("M1", ledger.EmailTrip, away)
		of("M1", ledger.EmailBack, mail.Answer{Outcome: mail.Retry, Code: "smtp_451"})
	}
	of("M2", ledger.EmailSent, mail.Answer{Outcome: mail.Sent})
	of("M1", ledger.EmailSent, mail.Answer{Outcome: mail.Sent})
	of("M1", ledger.EmailSent, mail.Answer{Outcome: mail.Sent})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "level=ERROR msg=\"a merchant's emails do not go out") || !strings.Contains(lines[0], "merchant=M1 code=connection_refused") ||
		!strings.HasPrefix(lines[1], "level=INFO msg=\"a merchant's emails go out again\" merchant=M1") {
		t.Error(out.String())
	}
}

// debugLog writes without times.
func debugLog(into *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(into, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.Attr{}
		}
		return a
	}}))
}
