package ledger

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Step is something that happened to an order.
type Step struct {
	At         time.Time
	Generation int
	What       Happening
	Detail     string // a few words, without secrets or personal data: why it was put back, the link's id, the failure's code
}

// Happening is what a step of an order's history was.
type Happening string

const (
	StepAccepted Happening = "accepted" // a generation began
	StepPutBack  Happening = "put back" // an attempt ended without an outcome, and the order is tried again
	StepHeld     Happening = "held"     // the breaker of its merchant took it out
	StepLost     Happening = "lost"     // its worker was silent, and another one went on
	StepIssued   Happening = "issued"
	StepFailed   Happening = "failed"
	MailPutBack  Happening = "mail put back" // an attempt to send the email ended without an outcome
	MailHeldStep Happening = "mail held"     // no mail of the merchant went out
	MailLost     Happening = "mail lost"     // the worker that sent it was silent
	StepMailed   Happening = "mailed"
	StepUnmailed Happening = "mail failed"
)

// historyFields is how many fields a settled record's history may be in; lua/record.lua cuts it to fit.
const historyFields = 19

// historyOf lists what is known to have happened, oldest first. Of very many steps the ledger forgets the earliest.
func historyOf(v map[string]string, r Record) []Step {
	log := v["log"]
	for i := range historyFields {
		log += v["log"+strconv.Itoa(i)]
	}
	var steps []Step
	for line := range strings.Lines(log) {
		if s, ok := stepOf(strings.TrimSuffix(line, "\n")); ok {
			steps = append(steps, s)
		}
	}
	if !r.Accepted.IsZero() {
		steps = append(steps, Step{At: r.Accepted, Generation: r.Generation, What: StepAccepted})
	}
	if !r.Settled.IsZero() {
		steps = append(steps, Step{At: r.Settled, Generation: r.Generation, What: Happening(r.State), Detail: cmp.Or(r.Link.ID, r.Code)})
	}
	if !r.Email.Sent.IsZero() {
		steps = append(steps, Step{At: r.Email.Sent, Generation: r.Generation, What: StepMailed})
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Generation, b.Generation), a.At.Compare(b.At))
	})
	return steps
}

// stepOf reads "milliseconds generation what detail", as lua/record.lua notes it.
func stepOf(line string) (Step, bool) {
	ms, rest, _ := strings.Cut(line, " ")
	gen, rest, found := strings.Cut(rest, " ")
	s := Step{At: moment(ms), Generation: number(gen)}
	for _, what := range []Happening{StepAccepted, StepPutBack, StepHeld, StepLost, StepIssued, StepFailed, MailPutBack, MailHeldStep, MailLost, StepMailed, StepUnmailed} {
		if detail, is := strings.CutPrefix(rest, string(what)); found && is {
			s.What, s.Detail = what, strings.TrimPrefix(detail, " ")
			return s, true
		}
	}
	return Step{}, false
}
