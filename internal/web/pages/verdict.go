package pages

import (
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// tone is how much something matters. It is shown by a word and a shape, and by a colour besides.
type tone string

const (
	fine    tone = "fine"
	look    tone = "look"
	stopped tone = "stopped"
)

// verdict is the overview in one sentence.
type verdict struct {
	Tone tone
	Word string // "Flowing"
	Says sentence
}

// judge says whether work is flowing. What stops all work comes first, then what stops some, then what is slow.
func (s situation) judge() verdict {
	for _, find := range []func() (verdict, bool){s.noWorker, s.unserved, s.stuck, s.notTakenIn, s.mailHeld, s.slow} {
		if v, found := find(); found {
			return v
		}
	}
	return s.flowing()
}

// links says how many links there were in the last minute.
func (s situation) links() string {
	return counted(s.lastMinute(issued), "link") + " in the last minute"
}

func (s situation) noWorker() (verdict, bool) {
	if s.Workers > 0 {
		return verdict{}, false
	}
	n := s.Open() + s.Stream.Entries
	if n == 0 {
		return verdict{look, "No worker", say("No worker is running, and nothing waits for one.")}, true
	}
	v := say("No worker is running: " + counted(n, "order") + " " + waits(n))
	if _, oldest := s.owed(); oldest > 0 {
		v = append(v, ", the oldest for "+span(oldest))
	}
	return verdict{stopped, "Stopped", append(v, ".")}, true
}

func waits(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}

func (s situation) unserved() (verdict, bool) {
	open, held := unserved(s.Breakers)
	if len(open) == 0 {
		return verdict{}, false
	}
	first := open[0]
	why := reasonOf(first.Why).Words()
	v := say("Orders wait: "+why+" for "+first.MerchantID+" since ", first.Since)
	if len(open) > 1 {
		v = say(fmt.Sprintf("Orders of %d merchants wait: ", len(open))+why+" for "+first.MerchantID+" since ", first.Since, ", and the others are not served either")
	}
	v = append(v, "; "+number(held)+" held.")
	if others := s.lastMinute(issued); others > 0 {
		return verdict{look, "Partly flowing", append(v, " The rest flows: "+s.links()+".")}, true
	}
	return verdict{stopped, "Waiting", v}, true
}

// stuck is when nothing says why, and still nothing comes out.
func (s situation) stuck() (verdict, bool) {
	due := s.Lanes[order.Interactive].Due + s.Lanes[order.Bulk].Due
	n, oldest := s.owed()
	if due == 0 || oldest < 2*orderly || s.lately(2, issued) > 0 {
		return verdict{}, false
	}
	return verdict{stopped, "Stuck", say(counted(n, "order") + " " + waits(n) + ", the oldest for " + span(oldest) + ", and none got its link in the last 2 minutes.")}, true
}

func (s situation) notTakenIn() (verdict, bool) {
	if s.Stream.Since.IsZero() || s.Now.Sub(s.Stream.Since) < orderly {
		return verdict{}, false
	}
	n := s.Stream.Entries
	return verdict{look, "Partly flowing", say(counted(n, "order")+" in the stream "+waits(n)+" to be taken in, the oldest since ", s.Stream.Since, ". The rest flows: "+s.links()+".")}, true
}

func (s situation) mailHeld() (verdict, bool) {
	open, held := unserved(s.MailBreakers)
	if owed := s.Lanes[ledger.Mailing].Open(); len(open) == 0 && owed > 0 && s.mailersGone() {
		return verdict{look, "Partly flowing", say("Links flow: " + s.links() + ". No worker sends emails: " + counted(owed, "email") + " " + waits(owed) + ".")}, true
	}
	if len(open) == 0 {
		return verdict{}, false
	}
	first := open[0]
	return verdict{look, "Partly flowing", say("Links flow: "+s.links()+". Emails wait: "+reasonOf(first.Why).Words()+" for "+first.MerchantID+" since ", first.Since,
		"; "+number(held)+" held.")}, true
}

// slow is when an interactive order waits for a worker, not for its merchant's rate.
func (s situation) slow() (verdict, bool) {
	l := s.Lanes[order.Interactive]
	if l.Due == 0 || l.Oldest.Since.IsZero() {
		return verdict{}, false
	}
	waited := s.Now.Sub(l.Oldest.Since)
	if waited < orderly || l.Later > 0 && len(s.Lines) > 0 {
		return verdict{}, false
	}
	return verdict{look, "Slow", say("Work is flowing, but slowly: " + s.links() + ", and an interactive order has waited for " + span(waited) + ".")}, true
}

func (s situation) flowing() verdict {
	n, oldest := s.owed()
	if s.Open() == 0 {
		if s.lastMinute(issued) == 0 {
			return verdict{fine, "Idle", s.idle()}
		}
		return verdict{fine, "Flowing", say("Work is flowing: " + s.links() + ", and nothing waits.")}
	}
	v := "Work is flowing: " + s.links() + ", " + counted(n, "order") + " open"
	if n > 0 && oldest >= time.Second {
		v += ", the oldest for " + span(oldest.Truncate(time.Second))
	}
	if owed := s.Lanes[ledger.Mailing].Open(); owed > 0 {
		v += ", " + counted(owed, "email") + " owed"
	}
	return verdict{fine, "Flowing", say(v + ".")}
}

// idle says when there was something to do last.
func (s situation) idle() sentence {
	for i := len(s.Minutes) - 1; i >= 0; i-- {
		if m := s.Minutes[i]; m.Issued > 0 {
			return say("Nothing waits. The last link was made ", link{"at " + m.Start.UTC().Format("15:04"), "/orders/minutes"}, ".")
		}
	}
	return say("Nothing waits: no order is open.")
}
