package worker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hpplink/hpplink/internal/killpoint"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/queue"
)

const (
	// DefaultMailMaxAge is how long an email is tried, counted from its first attempt. The time in which no mail of the
	// merchant goes out is left out.
	DefaultMailMaxAge = 24 * time.Hour

	// MailTimeout is how long sending one email may take.
	MailTimeout = time.Minute

	// mailSlotFor is how long an email may wait in the worker for its turn in the merchant's rate of emails.
	mailSlotFor = 20 * time.Second

	// mailLease is how long an email belongs to one worker.
	mailLease = mailSlotFor + MailTimeout + leaseMargin
)

// Mailer sends the emails that are owed for issued links. It is safe for concurrent use.
type Mailer struct {
	ledger    *ledger.Ledger
	merchants *merchant.Directory
	sender    *mail.Sender
	templates *Shelf
	pacer     *pacing.Pacer
	maxAge    time.Duration
	log       *slog.Logger
}

// NewMailer returns a mailer. maxAge is how long an email is tried; zero means DefaultMailMaxAge.
func NewMailer(l *ledger.Ledger, m *merchant.Directory, s *mail.Sender, t *Shelf, p *pacing.Pacer, maxAge time.Duration, log *slog.Logger) *Mailer {
	return &Mailer{ledger: l, merchants: m, sender: s, templates: t, pacer: p, maxAge: cmp.Or(maxAge, DefaultMailMaxAge), log: log}
}

// Handle works one link:email task: at most one email.
func (m *Mailer) Handle(ctx context.Context, t queue.Task) error {
	key, ok := order.DecodeReference(t.Payload)
	if !ok {
		return queue.Drop{Reason: "the task names no order"}
	}
	begun, nonce := time.Now(), ledger.NewNonce()
	c, err := insist(ctx, giveBackFor, func() (ledger.EmailClaim, error) { return m.ledger.ClaimEmail(ctx, key, nonce, mailLease) })
	if err != nil {
		m.log.Error("an email could not be claimed", "merchant", key.MerchantID, "ref", key.Ref, "error", err)
		return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
	}
	switch c.Grant {
	case ledger.EmailGranted:
		answer, o := m.send(ctx, c.Attempt)
		killpoint.At(killpoint.AfterAnswer)
		return m.settle(ctx, c.Attempt, answer, decideMail(c.Attempt, o, answer, m.maxAge), begun)
	case ledger.EmailLost:
		answer := mail.Answer{Outcome: mail.Unknown}
		return m.settle(ctx, c.Attempt, answer, decideMail(c.Attempt, &order.Order{}, answer, m.maxAge), begun)
	}
	m.log.Debug("nothing to do for a task", "task", t.ID, "merchant", key.MerchantID, "ref", key.Ref, "email", c.Grant, "wait", c.Wait)
	return nil
}

// settle reports what was decided, and ends the task.
func (m *Mailer) settle(ctx context.Context, a ledger.EmailAttempt, ans mail.Answer, r ledger.EmailReport, begun time.Time) error {
	settled, err := m.report(ctx, a, r)
	m.logEmail(ctx, a, ans, settled, err, time.Since(begun))
	if err != nil { // its lease runs out, and the reaper gives it back
		return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
	}
	if settled == ledger.EmailSettledBack {
		return queue.Retry{After: r.After, Reason: r.Code}
	}
	return nil
}

// report tells the ledger, again and again while it does not answer.
func (m *Mailer) report(ctx context.Context, a ledger.EmailAttempt, r ledger.EmailReport) (ledger.EmailSettlement, error) {
	most := giveBackFor
	if r.Verdict == ledger.EmailSent {
		most = publishFor // that it went out is not to be forgotten
	}
	return insist(ctx, most, func() (ledger.EmailSettlement, error) { return m.ledger.Emailed(ctx, a, r) })
}

// send writes and sends the email of an attempt.
func (m *Mailer) send(ctx context.Context, a ledger.EmailAttempt) (mail.Answer, *order.Order) {
	o, err := order.Decode(a.Order)
	if err == nil {
		err = o.FormError()
	}
	if err != nil || o.Delivery == nil || o.Delivery.Email == nil {
		return mail.Answer{Outcome: mail.Refused, Code: CodeUnreadable, Message: "the order in the ledger can not be read"}, &order.Order{}
	}
	p, known := m.merchants.Lookup(a.Key.MerchantID)
	if !known {
		return mail.Answer{Outcome: mail.Misconfigured, Code: codeNoProfile, Message: "there is no profile for this merchant"}, o
	}
	message, err := m.write(a, p, o)
	if unwritten := (*mail.WriteError)(nil); errors.As(err, &unwritten) {
		return unwritten.Answer(), o
	} else if err != nil {
		return mail.Answer{Outcome: mail.Misconfigured, Code: "bad_templates", Message: "the merchant's mail templates can not be used"}, o
	}
	if !m.turn(ctx, a, p) {
		return mail.Answer{Outcome: mail.Retry, Code: codePaced, Message: "the merchant's emails are sent at a limited rate"}, o
	}
	killpoint.At(killpoint.BeforePost)
	return m.sender.Send(ctx, message), o
}

func (m *Mailer) write(a ledger.EmailAttempt, p merchant.Profile, o *order.Order) (*mail.Message, error) {
	templates, err := m.templates.Of(p.Mail.Templates)
	if err != nil {
		return nil, err
	}
	return templates.Write(mail.LetterFor(p, o, a.Generation, a.Link.URL))
}

// turn waits for the email's turn in the merchant's rate, and reports false when that is too far off.
func (m *Mailer) turn(ctx context.Context, a ledger.EmailAttempt, p merchant.Profile) bool {
	// Under a name that no merchant has: emails have slots of their own.
	wait, err := m.pacer.Slot(ctx, p.ID+"\x00mail", p.Mail.Rate, order.Bulk)
	if err != nil || wait > mailSlotFor || time.Until(a.LeaseEnds) < wait+MailTimeout {
		return false
	}
	sleep(ctx, wait)
	return true
}

// logEmail writes the one line about an attempt to send an email.
func (m *Mailer) logEmail(ctx context.Context, a ledger.EmailAttempt, ans mail.Answer, settled ledger.EmailSettlement, err error, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("merchant", a.Key.MerchantID), slog.String("ref", a.Key.Ref), slog.Int("generation", a.Generation),
		slog.Int("attempt", a.Number), slog.String("outcome", string(ans.Outcome)), slog.String("settled", string(settled)),
		slog.Float64("duration_ms", milliseconds(took)),
	}
	if ans.Code != "" {
		attrs = append(attrs, slog.String("code", ans.Code), slog.String("message", ans.Message))
	}
	if a.Doubtful {
		attrs = append(attrs, slog.Bool("doubtful", true))
	}
	at := slog.LevelWarn
	switch {
	case err != nil:
		at, attrs = slog.LevelError, append(attrs, slog.String("error", err.Error()))
	case ans.Outcome == mail.Misconfigured:
		at = slog.LevelError
	case settled == ledger.EmailSettledSent:
		at = slog.LevelInfo
	}
	m.log.LogAttrs(ctx, at, "email", attrs...)
}
