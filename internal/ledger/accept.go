package ledger

import (
	"context"
	"fmt"
	"strconv"

	"github.com/hpplink/hpplink/internal/order"
)

// Submission is an order as it is handed in.
type Submission struct {
	Key         order.Key
	Lane        order.Lane
	Fingerprint order.Fingerprint // of what the producer sent, before merchant defaults
	Order       []byte            // opaque; Claim gives it back
	Reissue     int               // the settled generation that is to be followed by another on purpose; 0 for none
	Batch       string            // the batch it is handed in with; "" for none
	Mail        bool              // its link is to be sent by email
	Trace       string            // the W3C traceparent that it is worked under; "" for none, and nothing is stored
	Layout      int               // the version of the layout by which it comes to this ledger; OnlyKnown to take it in only if it is known
	MaxOpen     int               // how many of the merchant's orders may be open, this one included; 0 for any number
}

// OnlyKnown is the Layout of a submission that is not taken in where nobody knows it: the answer is Moved.
const OnlyKnown = -1

// Decision is what Accept made of a submission.
type Decision string

const (
	Accepted Decision = "accepted" // a new generation; its task must be enqueued
	Known    Decision = "known"    // the same order is there already; see Record
	Conflict Decision = "conflict" // another order is there under that ref, untouched; see Differs
	Full     Decision = "full"     // nothing was stored: too many of the merchant's orders are open
	Closed   Decision = "closed"   // nothing was stored: its batch is sealed or cancelled
	Moved    Decision = "moved"    // nothing was stored: it is not known here, and other partitions take new orders
)

// Acceptance is the answer to a submission.
type Acceptance struct {
	Decision   Decision
	Generation int
	TaskID     string   // when accepted: the id to enqueue its task under
	Namespace  string   // of the ledger that has it, and of the queues of its task
	Record     Record   // when known or in conflict: the order as it stands
	Differs    []string // when in conflict: the names of the top-level fields that differ
}

// Accept takes an order in, once. It is safe to repeat: a repeated submission is Known.
// An error means that the ledger may or may not have taken it; send it again.
func (l *Ledger) Accept(ctx context.Context, s Submission) (Acceptance, error) {
	all, errs := l.AcceptAll(ctx, []Submission{s})
	return all[0], errs[0]
}

// AcceptAll takes many orders in with one round trip. Each has its own answer or error; from a durable ledger it may have both:
// the order is taken, and no replica has it yet.
func (l *Ledger) AcceptAll(ctx context.Context, submissions []Submission) ([]Acceptance, []error) {
	return l.acceptAll(ctx, submissions, false)
}

// TryAll says what AcceptAll would answer now, and changes nothing. It does not look at MaxOpen.
func (l *Ledger) TryAll(ctx context.Context, submissions []Submission) ([]Acceptance, []error) {
	return l.acceptAll(ctx, submissions, true)
}

func (l *Ledger) acceptAll(ctx context.Context, submissions []Submission, trial bool) ([]Acceptance, []error) {
	calls := make([]call, len(submissions))
	for i, s := range submissions {
		if trial {
			s.MaxOpen = 0
		}
		calls[i] = l.accepting(s, trial)
	}
	replies, errs := l.runAll(ctx, l.scripts.accept, calls, !trial)
	answers := make([]Acceptance, len(submissions))
	for i, s := range submissions {
		if replies[i].word != "" {
			var err error
			if answers[i], err = s.acceptance(replies[i]); err != nil {
				errs[i] = err
			}
			answers[i].Namespace = l.namespace
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("ledger: accept: %w", errs[i])
		}
	}
	return answers, errs
}

func (l *Ledger) accepting(s Submission, trial bool) call {
	reissue := ""
	if s.Reissue > 0 {
		reissue = strconv.Itoa(s.Reissue)
	}
	return l.about(s.Key, l.keys.ofAccept(s.Key, s.Batch), append(append([]any{NewNonce()}, s.args()...), reissue, s.MaxOpen, s.Batch, flag(trial), flag(s.Mail), s.Trace, s.Layout)...)
}

func (s Submission) args() []any {
	return []any{string(s.Lane), s.Fingerprint.Sum, s.Fingerprint.Fields, s.Order}
}

func (s Submission) acceptance(r reply) (Acceptance, error) {
	switch d := Decision(r.word); d {
	case Accepted:
		if r.values["task"] == "" { // it was a trial
			return Acceptance{Decision: d}, nil
		}
		return Acceptance{Decision: d, Generation: number(r.values["gen"]), TaskID: TaskID(s.Key, r.values["task"])}, nil
	case Known, Conflict:
		rec := recordOf(r.values)
		a := Acceptance{Decision: d, Generation: rec.Generation, Record: rec}
		if d == Conflict {
			a.Differs = order.DiffFields(rec.fields, s.Fingerprint.Fields)
		}
		return a, nil
	case Full, Closed, Moved:
		return Acceptance{Decision: d}, nil
	default:
		return Acceptance{}, fmt.Errorf("%w %q", errAnswer, r.word)
	}
}
