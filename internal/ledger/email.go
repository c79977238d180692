package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// Mailing stands for a lane where that of an order's email is meant: the second thing that is owed for an order.
const Mailing order.Lane = "email"

// MailAgain is how often an email is sent again although it may have gone out: the connection broke after the message was
// handed over (RFC 1047), or the worker was killed.
const MailAgain = 1

// mailTrips is how often an email may hold up those of its merchant that go out otherwise, before it fails.
const mailTrips = 2

// MailState is where an order's email is.
type MailState string

const (
	NoMail        MailState = ""          // none was asked for
	MailOwed      MailState = "owed"      // its link is not issued yet
	MailPending   MailState = "pending"   // it is to be sent
	MailSending   MailState = "sending"   // an attempt holds the lease
	MailSent      MailState = "sent"      // the mail server has taken it, and that is published
	MailFailed    MailState = "failed"    // it did not go out, or may not have, and that is published
	MailDiscarded MailState = "discarded" // it failed, and was given up for good
)

// Codes of email.failed that the ledger itself gives.
const (
	// CodeMailUnknown marks an email that may have gone out: it was sent again as often as allowed.
	CodeMailUnknown = "unknown"
)

// EmailGrant says whether a worker may send an email, and if not, why.
type EmailGrant string

const (
	EmailGranted EmailGrant = "granted"
	EmailDone    EmailGrant = "done"  // nothing is owed, or not yet
	EmailBusy    EmailGrant = "busy"  // another attempt holds the lease, for Wait
	EmailEarly   EmailGrant = "early" // it waits, for Wait
	EmailHeld    EmailGrant = "held"  // mails of its merchant do not go out now
	EmailLost    EmailGrant = "lost"  // it may have gone out, and was sent again as often as allowed: report it as Lost
)

// EmailClaim is the answer to a worker that wants to send an email.
type EmailClaim struct {
	Grant   EmailGrant
	Attempt EmailAttempt // when granted; when lost, Key, Generation, Order, Accepted, Issued and Trace alone
	Wait    time.Duration
}

// EmailAttempt is the right to send the email of one order once.
type EmailAttempt struct {
	Key        order.Key
	Generation int
	Number     int // of the attempt, from 1
	Nonce      string
	Age        time.Duration // since the first attempt, without the time in which mails of the merchant did not go out
	Now        time.Time     // by the ledger's clock
	LeaseEnds  time.Time     // by this process' monotonic clock, counted from before the claim was sent
	Order      []byte
	Link       Link
	Amount     string
	Currency   string
	Doubtful   bool          // an attempt before this one may have sent it
	Slot       time.Duration // it waited for its slot of the merchant's rate of emails; between two such slots
	Probe      bool          // it is to show whether mails of the merchant go out again
	Accepted   time.Time     // when the order was accepted, by the ledger's clock
	Issued     time.Time     // and when its link was published
	Trace      string        // the traceparent that it was accepted with; "" for none
}

// ClaimEmail asks for the lease of the email that is owed for an order. A durable ledger may return a claim together with an error:
// no replica has it yet, so a link in it is not to be shown, and the lease is to be given back.
func (l *Ledger) ClaimEmail(ctx context.Context, key order.Key, nonce string, lease time.Duration) (EmailClaim, error) {
	sent := time.Now()
	r, unsure, err := l.runSurely(ctx, l.scripts.claimEmail, l.ofEmail(key, nonce, lease.Milliseconds(), l.worker, MailAgain))
	if err != nil {
		return EmailClaim{}, fmt.Errorf("ledger: claim email: %w", err)
	}
	c, err := l.emailClaim(key, nonce, sent, lease, r)
	if err == nil && unsure != nil {
		err = fmt.Errorf("ledger: claim email: %w", unsure)
	}
	return c, err
}

func (l *Ledger) emailClaim(key order.Key, nonce string, sent time.Time, lease time.Duration, r reply) (EmailClaim, error) {
	c := EmailClaim{Grant: EmailGrant(r.word), Wait: millis(r.values["wait"])}
	switch c.Grant {
	case EmailGranted:
		c.Attempt = emailAttemptOf(key, nonce, r.values)
		c.Attempt.LeaseEnds = sent.Add(min(lease, millis(r.values["lease"])))
		return c, nil
	case EmailLost:
		c.Attempt = EmailAttempt{
			Key: key, Generation: number(r.values["gen"]), Order: []byte(r.values["order"]),
			Accepted: moment(r.values["accepted"]), Issued: moment(r.values["settled"]), Trace: r.values["trace"],
		}
		return c, nil
	case EmailDone, EmailBusy, EmailEarly, EmailHeld:
		return c, nil
	}
	return EmailClaim{}, unexpected("claim email", r)
}

func emailAttemptOf(key order.Key, nonce string, v map[string]string) EmailAttempt {
	return EmailAttempt{
		Key: key, Generation: number(v["gen"]), Number: number(v["n"]), Nonce: nonce, Age: millis(v["age"]), Now: moment(v["now"]),
		Order: []byte(v["order"]), Link: Link{ID: v["link"], URL: v["url"]}, Amount: v["amount"], Currency: v["currency"],
		Doubtful: v["gone"] != "", Slot: time.Duration(number(v["slot"])) * time.Microsecond, Probe: v["probe"] == "1",
		Accepted: moment(v["accepted"]), Issued: moment(v["settled"]), Trace: v["trace"],
	}
}

// EmailVerdict is how an attempt to send an email ended.
type EmailVerdict string

const (
	EmailSent   EmailVerdict = "sent"   // the mail server has taken it
	EmailFailed EmailVerdict = "failed" // it never will
	EmailGone   EmailVerdict = "gone"   // it may have
	EmailBack   EmailVerdict = "back"   // not now: it is tried again after a while
	EmailPaced  EmailVerdict = "paced"  // it was not tried: its slot of the merchant's rate of emails is after a while, and it keeps it
	EmailTrip   EmailVerdict = "trip"   // no mail of the merchant goes out: all of them are held until that is mended
)

// EmailReport is what became of an attempt.
type EmailReport struct {
	Verdict  EmailVerdict
	To       string        // the recipient, masked: it is published
	Code     string        // why it was not sent, for machines
	Message  string        // and for people; without secrets or personal data
	After    time.Duration // when not sent: nobody need look before
	Slot     time.Duration // when paced: between two slots of that rate
	Own      bool          // when tripped: what is wrong may be about this email alone
	Metadata map[string]string
}

// EmailSettlement is what became of a report.
type EmailSettlement string

const (
	EmailSettledSent   EmailSettlement = "sent"   // that is published; nothing is owed any more
	EmailSettledFailed EmailSettlement = "failed" // that is published, and the email is listed with the failed ones
	EmailSettledBack   EmailSettlement = "back"
	EmailSettledHeld   EmailSettlement = "held"
	EmailSettledStale  EmailSettlement = "stale" // the attempt no longer holds the email; nothing was changed
)

// Emailed reports what became of an attempt, or of an email that is lost.
func (l *Ledger) Emailed(ctx context.Context, a EmailAttempt, rep EmailReport) (EmailSettlement, error) {
	data, err := emailData(a, rep)
	if err != nil {
		return "", err
	}
	r, err := l.run(ctx, "emailed", l.scripts.emailed, l.ofEmail(a.Key, a.Generation, a.Nonce, string(rep.Verdict), rep.Code, rep.Message,
		data, rep.After.Milliseconds(), l.retention.Milliseconds(), flag(a.Probe), MailAgain, firstOpen.Milliseconds(), longestOpen.Milliseconds(), rep.Slot.Microseconds(),
		flag(rep.Own), mailTrips))
	l.published()
	if err != nil {
		return "", err
	}
	switch s := EmailSettlement(r.word); s {
	case EmailSettledSent, EmailSettledFailed, EmailSettledBack, EmailSettledHeld, EmailSettledStale:
		return s, nil
	}
	return "", unexpected("emailed", r)
}

// emailData is the data of email.sent, or of email.failed, as far as the caller knows it.
func emailData(a EmailAttempt, rep EmailReport) (string, error) {
	if rep.Verdict == EmailSent {
		return openEnded(struct {
			To       string            `json:"to"`
			LinkID   string            `json:"link_id"`
			Metadata map[string]string `json:"metadata"`
		}{rep.To, a.Link.ID, orEmpty(rep.Metadata)})
	}
	return openEnded(failureData{rep.Code, rep.Message, orEmpty(rep.Metadata)})
}

// ReplayEmail has the failed email of an order sent again, and returns what to enqueue its task under. nonce makes it
// repeatable; see NewNonce. The error is ErrStale when it has not failed in that generation.
func (l *Ledger) ReplayEmail(ctx context.Context, key order.Key, generation int, nonce string) (Replayed, error) {
	r, err := l.run(ctx, "replay email", l.scripts.replayEmail, l.ofEmail(key, generation, nonce, "", l.retention.Milliseconds()))
	if err != nil {
		return Replayed{}, err
	}
	if r.word != "accepted" {
		return Replayed{}, fmt.Errorf("ledger: replay email of %s: %w", key, ErrStale)
	}
	return Replayed{Generation: generation, Lane: Mailing, TaskID: TaskID(key, r.values["task"]), Namespace: l.namespace}, nil
}

// DiscardEmail gives the failed email of an order up for good; its link stays as it is. The error is ErrStale when it has not
// failed in that generation.
func (l *Ledger) DiscardEmail(ctx context.Context, key order.Key, generation int) error {
	r, err := l.run(ctx, "discard email", l.scripts.replayEmail, l.ofEmail(key, generation, "", "1", l.retention.Milliseconds()))
	if err != nil {
		return err
	}
	if r.word != "discarded" {
		return fmt.Errorf("ledger: discard email of %s: %w", key, ErrStale)
	}
	return nil
}

func (l *Ledger) ofEmail(key order.Key, args ...any) call {
	return l.about(key, l.keys.ofEmail(key), args...)
}

// mailersFor is how long after its last word it is believed that somebody sends emails: longer than a night without
// workers.
const mailersFor = 72 * time.Hour

// MailersUp says that this worker sends emails.
func (l *Ledger) MailersUp(ctx context.Context) error {
	if err := l.rdb.Set(ctx, l.keys.Mailers(), "1", mailersFor).Err(); err != nil {
		return fmt.Errorf("ledger: mailers: %w", err)
	}
	return nil
}

// MailersSeen returns when a worker last said that it sends emails, or the zero time when that is too long ago to be believed.
func (l *Ledger) MailersSeen(ctx context.Context) (time.Time, error) {
	left, err := l.rdb.PTTL(ctx, l.keys.Mailers()).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("ledger: mailers: %w", err)
	}
	if left <= 0 {
		return time.Time{}, nil
	}
	return time.Now().Add(left - mailersFor), nil
}

// HasMailers reports whether somebody sends emails, or lately did.
func (l *Ledger) HasMailers(ctx context.Context) (bool, error) {
	n, err := l.rdb.Exists(ctx, l.keys.Mailers()).Result()
	if err != nil {
		return false, fmt.Errorf("ledger: mailers: %w", err)
	}
	return n > 0, nil
}
