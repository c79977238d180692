package worker

import (
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// goneMessage is for an email of which nobody knows whether it arrived.
const goneMessage = "the email was handed to the mail server and no answer came back: the customer may have it or not"

// decideMail is the whole policy for emails: what an answer means. It has no effects.
func decideMail(a ledger.EmailAttempt, o *order.Order, ans mail.Answer, maxAge time.Duration) ledger.EmailReport {
	r := ledger.EmailReport{Code: ans.Code, Message: ans.Message, Metadata: o.Metadata, After: queue.Schedule(a.Number)}
	if o.Delivery != nil && o.Delivery.Email != nil {
		r.To = maskAddress(o.Delivery.Email.To)
	}
	switch ans.Outcome {
	case mail.Sent:
		r.Verdict = ledger.EmailSent
	case mail.Refused:
		r.Verdict = ledger.EmailFailed
	case mail.Misconfigured:
		r.Verdict = ledger.EmailTrip
	case mail.Unknown:
		r.Verdict, r.Code, r.Message = ledger.EmailGone, ledger.CodeMailUnknown, goneMessage
	default:
		r.Verdict = ledger.EmailBack
		switch {
		case ans.Code == codePaced: // not tried
		case a.Age >= maxAge:
			r.Verdict, r.Code = ledger.EmailFailed, CodeGaveUp
		case nobodyAnswers(ans):
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

// maskAddress leaves the first letter of an address, and its domain.
func maskAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return "***"
	}
	return string([]rune(address)[:1]) + "***" + address[at:]
}
