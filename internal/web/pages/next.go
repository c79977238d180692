package pages

import (
	"strings"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
)

// next says what happens to an order next, and when.
func (s situation) next(v lookup.OrderView) []sentence {
	switch v.State {
	case ledger.Queued:
		return s.nextQueued(v)
	case ledger.Sending:
		return []sentence{say("A worker is asking the gateway. If that worker falls silent, another takes over, at ", v.LeaseEnds, " at the latest.")}
	case ledger.Failed:
		next := []sentence{say(failureAdvice(v.Code))}
		if v.Uncertain && v.Code != ledger.CodePossiblyIssued {
			next = append(next, say("An attempt ended without an answer, so a link that nobody was shown may exist at the gateway."))
		}
		return next
	}
	return s.nextIssued(v)
}

func (s situation) nextQueued(v lookup.OrderView) []sentence {
	r := reasonOf(v.Why)
	switch {
	case s.Workers == 0:
		return []sentence{say("It waits for a worker, and none is running: start ", code("hpplink run"), ".")}
	case v.Breaker != nil:
		return []sentence{s.held(v.Breaker), s.linkRemedy(v.MerchantID, reasonOf(v.Breaker.Why))}
	case !v.HeldSince.IsZero():
		return []sentence{say("The gateway serves its merchant again, and the orders that were held are being given back.")}
	case r.code == "paced" && v.NextTry.After(s.Now):
		limit := ""
		if p, found := s.profile(v.MerchantID); found && p.Rate > 0 {
			limit = " (" + rate(p) + ")"
		}
		return []sentence{say("It waits for its turn of the merchant’s rate limit"+limit+", which comes at ", v.NextTry, ".")}
	case v.NextTry.After(s.Now):
		return []sentence{say("It is tried again at ", v.NextTry, ", since "+strings.TrimSuffix(r.Words(), ".")+".")}
	}
	return []sentence{say("It waits for a worker to be free, in the queue of "+string(v.Lane)+" orders, where "+number(s.Overview.Lanes[v.Lane].Due)+" wait", otherLane(v.Lane), ".")}
}

// held says what an order waits for that its merchant's breaker holds.
func (s situation) held(b *lookup.Breaker) sentence {
	held := say("It is held, with "+number(b.Held)+" in all of the merchant’s orders: "+reasonOf(b.Why).Words()+" since ", b.Since, ". ")
	if b.NextTry.After(s.Now) {
		held = append(held, "At ", b.NextTry, " a single one of them tries")
	} else {
		held = append(held, "A single one of them tries any moment")
	}
	return append(held, "; once it gets through, all go on by themselves.")
}

func otherLane(lane order.Lane) string {
	if lane == order.Bulk {
		return "; interactive ones go first"
	}
	return ""
}

func (s situation) nextIssued(v lookup.OrderView) []sentence {
	if v.Email == nil {
		return []sentence{say("Nothing: its link is published.")}
	}
	switch ledger.MailState(v.Email.State) {
	case ledger.MailPending:
		return []sentence{s.nextEmail(v)}
	case ledger.MailSending:
		return []sentence{say("A worker is sending the email with its link.")}
	case ledger.MailSent:
		return []sentence{say("Nothing: its link is published, and the mail server took the email.")}
	case ledger.MailDiscarded:
		return []sentence{say("Nothing: its link is published. The email failed, and was given up.")}
	}
	return []sentence{say("Its link is published; the email failed. " + mailAdvice(v.Email.Code))}
}

func (s situation) nextEmail(v lookup.OrderView) sentence {
	for _, b := range s.MailBreakers {
		if b.MerchantID == v.MerchantID && b.Open {
			return say("Its email is held: "+reasonOf(b.Why).Words()+" since ", b.Since, ". At ", b.Until, " a single email tries, and then all go on.")
		}
	}
	switch {
	case s.mailersGone():
		return say("Its email is owed, and no worker sends emails: set ", code("HPPLINK_SMTP"), " for one.")
	case v.NextTry.After(s.Now):
		return say("Its email is sent at ", v.NextTry, ", since "+strings.TrimSuffix(reasonOf(v.Why).Words(), ".")+".")
	}
	return say("Its email waits for a worker that sends emails.")
}
