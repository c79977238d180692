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
	observers []Observer
}

// NewMailer returns a mailer. maxAge is how long an email is tried; zero means DefaultMailMaxAge.
func NewMailer(l *ledger.Ledger, m *merchant.Directory, s *mail.Sender, t *Shelf, p *pacing.Pacer, maxAge time.Duration, log *slog.Logger, observers ...Observer) *Mailer {
	return &Mailer{ledger: l, merchants: m, sender: s, templates: t, pacer: p, maxAge: cmp.Or(maxAge, DefaultMailMaxAge), timeout: MailTimeout, log: log, observers: observers}
}

// Handle works one link:email task: at most one email.
func (m *Mailer) Handle(ctx context.Context, t queue.Task) error {
	key, ok := order.DecodeReference(t.Payload)
	if !ok {
		return queue.Drop{Reason: "the task names no order"}
	}
	at, nonce := EmailAttempted{Begun: time.Now()}, ledger.NewNonce()
	c, err := insist(ctx, giveBackFor, func() (ledger.EmailClaim, error) { return m.ledger.ClaimEmail(ctx, key, nonce, mailLease) })
	at.Attempt, at.Claimed = c.Attempt, time.Now()
	if err != nil && c.Grant == ledger.EmailGranted { // kept, it would be taken for sent once its lease is over
		return m.settle(ctx, &at, untried(recipientOf(c.Attempt), mail.Retry, codeNotReplicated, "not all replicas of Redis have the link yet"))
	}
	if err != nil {
		m.log.Error("an email could not be claimed", "merchant", key.MerchantID, "ref", key.Ref, "error", err)
		return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
	}
	switch c.Grant {
	case ledger.EmailGranted:
		p := m.send(ctx, &at)
		killpoint.At(killpoint.AfterAnswer)
		return m.settle(ctx, &at, p)
	case ledger.EmailLost:
		return m.settle(ctx, &at, posting{Answer: mail.Answer{Outcome: mail.Unknown}, order: recipientOf(c.Attempt)})
	}
	m.log.Debug("nothing to do for a task", "task", t.ID, "merchant", key.MerchantID, "ref", key.Ref, "email", c.Grant, "wait", c.Wait)
	return nil
}

// settle decides what follows, reports it, tells those who observe, and ends the task.
func (m *Mailer) settle(ctx context.Context, t *EmailAttempted, p posting) error {
	r := decideMail(t.Attempt, p, m.maxAge)
	t.Answer = p.Answer
	t.Settled, t.Err = m.report(ctx, t.Attempt, r)
	t.Reported = time.Now()
	if t.Settled == ledger.EmailSettledBack {
		t.Wait = r.After
	}
	m.tell(t, r.Verdict)
	logEmail(ctx, m.log, t)
	for _, o := range m.observers {
		o.EmailAttempted(ctx, *t)
	}
	if t.Err != nil { // its lease runs out, and the reaper gives it back
		return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
	}
	if t.Settled == ledger.EmailSettledBack {
		return queue.Retry{After: r.After, Reason: r.Code}
	}
	return nil
}

// tell says once that a merchant's emails are held, and once that they go out again.
func (m *Mailer) tell(t *EmailAttempted, v ledger.EmailVerdict) {
	tripped, served := v == ledger.EmailTrip, v == ledger.EmailSent || v == ledger.EmailFailed && !t.Asked.IsZero()
	switch m.pacer.Turned(inMail(t.Attempt.Key.MerchantID), tripped, served) {
	case pacing.TurnedBad:
		m.log.Error("a merchant's emails do not go out: they wait, none fails, and they go on by themselves once it is mended",
			"merchant", t.Attempt.Key.MerchantID, "code", t.Answer.Code, "why", t.Answer.Message)
	case pacing.TurnedGood:
		m.log.Info("a merchant's emails go out again", "merchant", t.Attempt.Key.MerchantID)
	}
}

// inMail names a merchant to the pacer as no merchant is named: emails have a pace of their own.
func inMail(merchantID string) string { return merchantID + "\x00mail" }

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
func (m *Mailer) send(ctx context.Context, t *EmailAttempted) posting {
	a := t.Attempt
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
	return posting{Answer: m.deliver(ctx, t, message), order: o}
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
func (m *Mailer) deliver(ctx context.Context, t *EmailAttempted, message *mail.Message) mail.Answer {
	if time.Until(t.Attempt.LeaseEnds) < m.timeout {
		return mail.Answer{Outcome: mail.Retry, Code: codeNoLease, Message: "the attempt was held up until its lease was too short to send the email"}
	}
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	killpoint.At(killpoint.BeforePost)
	t.Asked = time.Now()
	defer func() { t.Answered = time.Now() }()
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
	return m.pacer.Slot(ctx, inMail(p.ID), p.Mail.Rate, order.Bulk)
}
