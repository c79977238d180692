package pages

import (
	"cmp"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// matter is something that somebody should look at, and what to do about it.
type matter struct {
	Tone tone
	What sentence
	Do   sentence
}

// Word says the tone.
func (m matter) Word() string {
	if m.Tone == stopped {
		return "Stopped"
	}
	return "Look"
}

// mostMatters is how many merchants in trouble are told of one by one.
const mostMatters = 5

// matters are all of them, the gravest first.
func (s situation) matters() (all []matter) {
	for _, find := range []func() []matter{
		s.workerMatters, s.breakerMatters, s.streamMatters, s.profileMatters, s.mailMatters, s.rateMatters, s.failureMatters,
	} {
		all = append(all, find()...)
	}
	slices.SortStableFunc(all, func(a, b matter) int { return rank(a.Tone) - rank(b.Tone) })
	return all
}

func rank(t tone) int {
	if t == stopped {
		return 0
	}
	return 1
}

func (s situation) workerMatters() []matter {
	if s.Workers > 0 || s.Open()+s.Stream.Entries == 0 {
		return nil
	}
	return []matter{{stopped, say("No worker gives a sign of life."),
		say("Start ", code("hpplink run"), ", or look into the log of one that should be running. Nothing is lost meanwhile.")}}
}

func (s situation) breakerMatters() (all []matter) {
	open, _ := unserved(s.Breakers)
	for i, b := range open {
		if i == mostMatters {
			return append(all, matter{stopped, say(counted(len(open)-i, "more merchant"), " that the gateway does not serve."), say("They are listed below.")})
		}
		r := reasonOf(b.Why)
		all = append(all, matter{stopped, append(told(say(b.MerchantID+": "+r.Words()+" since ", b.Since), r), nextTry(b, s.Now)...), s.linkRemedy(b.MerchantID, r)})
	}
	return all
}

func told(s sentence, r reason) sentence {
	if said := r.Said(); said != "" {
		s = append(s, " (“"+said+"”)")
	}
	return s
}

func nextTry(b ledger.Breaker, now time.Time) sentence {
	s := say("; " + number(b.Held) + " held")
	switch {
	case b.Until.IsZero():
		return append(s, ".")
	case b.Until.Before(now):
		return append(s, ", the next try is due.")
	}
	return append(s, ", next try ", b.Until, ".")
}

func (s situation) streamMatters() (all []matter) {
	if since := s.Stream.Since; !since.IsZero() && s.Now.Sub(since) >= orderly/2 {
		n := s.Stream.Entries
		all = append(all, matter{look, say(counted(n, "order")+" in the stream "+waits(n)+" to be taken in since ", since, "."),
			say("See that a process runs with the role ", code("stream"), "; more of them share the work.")})
	}
	for _, id := range sortedKeys(s.Waiting) {
		most := ""
		if p, found := s.profile(id); found {
			most = " (" + number(p.MaxOpen) + ")"
		}
		n := s.Waiting[id]
		all = append(all, matter{look, say(id + " has as many orders open as it may" + most + ": " + number(n) + " more " + waits(n) + " in the stream."),
			say("They are taken in as others are settled. If that is too slow, see why; or raise ", code("max_open"), ".")})
	}
	return all
}

func sortedKeys(m map[string]int) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s situation) profileMatters() (all []matter) {
	for _, id := range sortedKeys(s.OpenOrders) {
		n := s.OpenOrders[id]
		broken := slices.ContainsFunc(s.Breakers, func(b ledger.Breaker) bool { return b.MerchantID == id && b.Open })
		if _, found := s.profile(id); found || n == 0 || broken || len(all) == mostMatters {
			continue
		}
		all = append(all, matter{look, say(id + " has " + counted(n, "open order") + " and no profile in this process."),
			say("If the workers have none either, its orders wait: add it to their settings file, and send SIGHUP.")})
	}
	return all
}

func (s situation) mailMatters() (all []matter) {
	owed := s.Lanes[ledger.Mailing].Open()
	if owed > 0 && s.mailersGone() {
		what := say("No worker sends emails")
		if !s.MailersSeen.IsZero() {
			what = append(what, " since ", s.MailersSeen)
		}
		all = append(all, matter{look, append(what, "; "+number(owed)+" owed."), say("Set ", code("HPPLINK_SMTP"), " for a worker.")})
	}
	open, _ := unserved(s.MailBreakers)
	for i, b := range open {
		if i == mostMatters {
			break
		}
		r := reasonOf(b.Why)
		all = append(all, matter{look, append(told(say("Emails of "+b.MerchantID+": "+r.Words()+" since ", b.Since), r), nextTry(b, s.Now)...), mailRemedy(r)})
	}
	return all
}

// longLine is a line at a rate limit that somebody may want to know of.
const longLine = 5 * time.Minute

func (s situation) rateMatters() (all []matter) {
	var long []string
	for id, line := range s.Lines {
		if line >= longLine {
			long = append(long, id)
		}
	}
	slices.SortFunc(long, func(a, b string) int { return cmp.Compare(s.Lines[b], s.Lines[a]) })
	for _, id := range long[:min(len(long), mostMatters)] {
		p, _ := s.profile(id)
		all = append(all, matter{look, say(id + ": the last in line for its rate limit (" + rate(p) + ") waits for " + span(s.Lines[id]) + "."),
			say("Interactive orders go first. If the gateway allows more, raise ", code("rate"), ".")})
	}
	return all
}

// rate is a merchant's rate limit in words.
func rate(p merchant.Profile) string {
	if p.Rate == 0 {
		return "no limit"
	}
	return english.Sprintf("%v a second", p.Rate)
}

func (s situation) failureMatters() (all []matter) {
	for _, c := range s.Failures.Codes {
		if c.LastHour > 0 {
			all = append(all, failureMatter(linkFailures, c, counted(c.LastHour, "order")))
		}
	}
	for _, c := range s.Unmailed.Codes {
		if c.LastHour > 0 {
			all = append(all, failureMatter(mailFailures, c, counted(c.LastHour, "email")))
		}
	}
	return all
}

func failureMatter(list failedList, c codeCount, what string) matter {
	to := at("/orders/failed", "list", list.param(), "code", c.Code)
	return matter{look, say(link{what + " failed with " + c.Code, to}, " in the last hour, the latest ", c.Newest, "."), say(list.advice(c.Code))}
}

// param is the list's name in URLs, left out where it is the usual one.
func (f failedList) param() string {
	if f.name == linkFailures.name {
		return ""
	}
	return f.name
}

// lineLength is about how many orders wait for their slots, by how far ahead the last one is.
func lineLength(p merchant.Profile, line time.Duration) int { return int(line.Seconds() * p.Rate) }

var lanesShown = []struct {
	lane order.Lane
	name string
}{{order.Interactive, "Interactive"}, {order.Bulk, "Bulk"}, {ledger.Mailing, "Emails"}}
