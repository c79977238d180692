package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

	// MailTimeout is how long sending one email may take, whatever the sender itself would allow.
	MailTimeout = time.Minute

	// mailLease is how long an email belongs to one worker: longer than it can be busy with sending it, or the email would go
	// to another one meanwhile, and out twice.
	mailLease = MailTimeout + leaseMargin
)

// Mailer sends the emails that are owed for issued links. It is safe for concurrent use.
type Mailer struct {
	ledger    *ledger.Ledger
	merchants *merchant.Directory
	sender    *mail.Sender
	templates *Shelf
	pacer     *pacing.Pacer
	maxAge    time.Duration
	timeout   time.Duration // MailTimeout, but for tests
	log       *slog.Logger
}

// NewMailer returns a mailer. maxAge is how long an email is tried; zero means DefaultMailMaxAge.
func NewMailer(l *ledger.Ledger, m *merchant.Directory, s *mail.Sender, t *Shelf, p *pacing.Pacer, maxAge time.Duration, log *slog.Logger) *Mailer {
	return &Mailer{ledger: l, merchants: m, sender: s, templates: t, pacer: p, maxAge: cmp.Or(maxAge, DefaultMailMaxAge), timeout: MailTimeout, log: log}
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
		p := m.send(ctx, c.Attempt)
		killpoint.At(killpoint.AfterAnswer)
		return m.settle(ctx, c.Attempt, p.Answer, decideMail(c.Attempt, p, m.maxAge), begun)
	case ledger.EmailLost:
		p := posting{Answer: mail.Answer{Outcome: mail.Unknown}, order: recipientOf(c.Attempt)}
		return m.settle(ctx, c.Attempt, p.Answer, decideMail(c.Attempt, p, m.maxAge), begun)
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

// posting is what came of an attempt.
type posting struct {
	mail.Answer
	order *order.Order // nil when it can not be read

	// When it was not tried because of the merchant's rate: how long it waits for its slot, and the time between two slots.
	wait, slot time.Duration
}

func untried(o *order.Order, outcome mail.Outcome, code, message string) posting {
	return posting{Answer: mail.Answer{Outcome: outcome, Code: code, Message: message}, order: o}
}

// send writes and sends the email of an attempt, unless there is a reason not to.
func (m *Mailer) send(ctx context.Context, a ledger.EmailAttempt) posting {
	o := recipientOf(a)
	if o == nil {
		return untried(nil, mail.Refused, CodeUnreadable, "the order in the ledger can not be read")
	}
	p, known := m.merchants.Lookup(a.Key.MerchantID)
	if !known {
		return untried(o, mail.Misconfigured, codeNoProfile, "there is no profile for this merchant")
	}
	message, err := m.write(a, p, o)
	if unwritten := (*mail.WriteError)(nil); errors.As(err, &unwritten) {
		return posting{Answer: unwritten.Answer(), order: o}
	} else if err != nil {
		return untried(o, mail.Misconfigured, "bad_templates", "the merchant's mail templates can not be used")
	}
	wait, err := m.slot(ctx, a, p)
	switch {
	case err != nil:
		return untried(o, mail.Retry, codeNoSlot, "the ledger did not answer")
	case wait > holdFor:
		late := untried(o, mail.Retry, codePaced, fmt.Sprintf("the merchant's emails go out at %g a second", p.Mail.Rate))
		late.wait, late.slot = wait, pacing.Interval(p.Mail.Rate)
		return late
	}
	sleep(ctx, wait)
	return posting{Answer: m.deliver(ctx, a, message), order: o}
}

// recipientOf reads the order that asked for an email, and returns nil where it can not.
func recipientOf(a ledger.EmailAttempt) *order.Order {
	o, err := order.Decode(a.Order)
	if err != nil || o.FormError() != nil || o.Delivery == nil || o.Delivery.Email == nil {
		return nil
	}
	return o
}

// deliver sends an email while the lease holds, and gives up before it ends.
func (m *Mailer) deliver(ctx context.Context, a ledger.EmailAttempt, message *mail.Message) mail.Answer {
	if time.Until(a.LeaseEnds) < m.timeout {
		return mail.Answer{Outcome: mail.Retry, Code: codeNoLease, Message: "the attempt was held up until its lease was too short to send the email"}
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	killpoint.At(killpoint.BeforePost)
	return m.sender.Send(ctx, message)
}

func (m *Mailer) write(a ledger.EmailAttempt, p merchant.Profile, o *order.Order) (*mail.Message, error) {
	templates, err := m.templates.Of(p.Mail.Templates)
	if err != nil {
		return nil, err
	}
	return templates.Write(mail.LetterFor(p, o, a.Generation, a.Link.URL))
}

// slot returns how long the email has to wait for its slot of the merchant's rate. One that waited in the queue has its slot
// already, and the breaker's probe goes at once.
func (m *Mailer) slot(ctx context.Context, a ledger.EmailAttempt, p merchant.Profile) (time.Duration, error) {
	if a.Slot > 0 || a.Probe {
		return 0, nil
	}
	// Under a name that no merchant has: emails have slots of their own.
	return m.pacer.Slot(ctx, p.ID+"\x00mail", p.Mail.Rate, order.Bulk)
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
