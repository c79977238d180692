package worker

import (
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// goneMessage is for an email of which nobody knows whether it arrived.
const goneMessage = "the email was handed to the mail server and no answer came back: the customer may have it or not"

// decideMail is the whole policy for emails: what an answer means. It has no effects.
func decideMail(a ledger.EmailAttempt, p posting, maxAge time.Duration) ledger.EmailReport {
	r := ledger.EmailReport{Code: p.Code, Message: p.Message, After: queue.Schedule(a.Number)}
	if p.order != nil {
		r.To, r.Metadata = order.MaskAddress(p.order.Delivery.Email.To), p.order.Metadata
	}
	switch p.Outcome {
	case mail.Sent:
		r.Verdict = ledger.EmailSent
	case mail.Refused:
		r.Verdict = ledger.EmailFailed
	case mail.Misconfigured:
		r.Verdict, r.Own = ledger.EmailTrip, p.Named
	case mail.Unknown:
		r.Verdict, r.Code, r.Message = ledger.EmailGone, ledger.CodeMailUnknown, goneMessage
	default:
		r.Verdict = ledger.EmailBack
		switch {
		case p.wait > 0:
			r.Verdict, r.After, r.Slot = ledger.EmailPaced, p.wait, p.slot
		case p.Code == codeNoSlot, p.Code == codeNoLease, p.Code == codeNotReplicated: // not tried
		case a.Age >= maxAge:
			r.Verdict, r.Code = ledger.EmailFailed, CodeGaveUp
		case nobodyAnswers(p.Answer):
			r.Verdict = ledger.EmailTrip
		}
	}
	return r
}

// nobodyAnswers tells of a mail server that is not there: then one email tries, and the others wait. A server that answers
// now and then, or badly, says something about one email at a time.
func nobodyAnswers(ans mail.Answer) bool {
	switch ans.Code {
	case "connection_refused", "unreachable", "dial_timeout", "dns_failed":
		return true
	}
	return false
}
