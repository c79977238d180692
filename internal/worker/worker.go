// Package worker is an order's way out: it claims the order, asks the gateway, and reports what
// came of it to the ledger. Beside it runs the reaper, which gives back the orders that were
// lost on the way.
//
// It knows what each outcome means for an order. It does not know Redis commands, asynq or HTTP.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/killpoint"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/queue"
)

const (
	// DefaultMaxAge is how long an order is tried, counted from its first real attempt.
	DefaultMaxAge = 24 * time.Hour

	// leaseMargin is what an attempt may take besides the gateway's time-out: claiming, waiting for its turn (three seconds at most)
	// and for room, connecting once or twice more, publishing.
	leaseMargin = 5 * time.Second

	// ledgerAway is the wait before a task is looked at again when the ledger did not answer.
	ledgerAway = 5 * time.Second
)

// Worker works orders. It is safe for concurrent use.
type Worker struct {
	ledger    *ledger.Ledger
	gateway   *gateway.Client
	merchants *merchant.Directory
	door      *intake.Door
	pacer     *pacing.Pacer
	maxAge    time.Duration
	log       *slog.Logger
	observers []Observer
	calls     Places         // for calls that are made at once; nil: there is no bound
	waiting   sync.WaitGroup // attempts beside the handlers
}

// New returns a worker. maxAge is how long an order is tried; zero means DefaultMaxAge.
func New(l *ledger.Ledger, g *gateway.Client, m *merchant.Directory, d *intake.Door, p *pacing.Pacer, maxAge time.Duration, log *slog.Logger, observers ...Observer) *Worker {
	if maxAge == 0 {
		maxAge = DefaultMaxAge
	}
	return &Worker{ledger: l, gateway: g, merchants: m, door: d, pacer: p, maxAge: maxAge, log: log, observers: observers}
}

// Places are for the calls of the gateway that are made at once, for each lane. Workers may share them.
type Places map[order.Lane]chan struct{}

// NewPlaces returns places for so many calls, for each lane.
func NewPlaces(calls int) Places {
	return Places{order.Interactive: make(chan struct{}, calls), order.Bulk: make(chan struct{}, calls)}
}

// AtOnce bounds the calls of the gateway that are made at once, and returns w. There may be more handlers than
// that: while some claim and publish, others call.
func (w *Worker) AtOnce(p Places) *Worker {
	w.calls = p
	return w
}

// Handle works one link:generate task: at most one order, at most one link.
func (w *Worker) Handle(ctx context.Context, t queue.Task) error {
	key, full, err := w.read(t)
	if err != nil {
		return w.refuse(ctx, t, key, err)
	}
	if full != nil {
		keeps := false
		if full.Layout, keeps = w.door.Keeps(w.ledger.Namespace(), key); !keeps {
			return w.handOn(ctx, t)
		}
	}
	at := Attempted{Begun: time.Now()}
	profile, known := w.merchants.Lookup(key.MerchantID)
	answered := w.begin(t, full)
	c, err := w.claim(ctx, key, profile.Timeout+leaseMargin, full)
	if r, fresh := received(key, full, c, err); fresh {
		w.told(ctx, t, r, answered)
	}
	if err != nil {
		w.log.Error("an order could not be claimed", "merchant", key.MerchantID, "ref", key.Ref, "error", err)
		return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
	}
	if c.Grant != ledger.Granted {
		return w.notGranted(ctx, t, key, c)
	}
	at.Attempt, at.Claimed = c.Attempt, time.Now()
	place, err := w.place(ctx, c.Attempt, profile)
	if err != nil {
		return w.release(ctx, &at, full, w.proceed(ctx, &at, profile, known, pacing.Pass{}, err))
	}
	turn, soon, err := place.Soon(ctx, holdFor)
	if !soon {
		w.beside(ctx, func() error {
			turn, err := place.Await(ctx)
			profile, known := w.merchants.Lookup(key.MerchantID) // there may be other keys by now
			return w.proceed(ctx, &at, profile, known, turn, err)
		}, c.Attempt)
		return nil
	}
	return w.release(ctx, &at, full, w.proceed(ctx, &at, profile, known, turn, err))
}

// proceed goes on with an attempt that has been told its turn, or why there is none.
func (w *Worker) proceed(ctx context.Context, t *Attempted, p merchant.Profile, known bool, turn pacing.Pass, err error) error {
	if err != nil {
		t.Answer = unasked(codeNoSlot, "the ledger did not answer")
		return w.finish(ctx, t, &order.Order{})
	}
	if turn.Mine {
		sleep(ctx, turn.Wait)
	}
	return w.finish(ctx, t, w.ask(ctx, t, p, known, turn))
}

// release has a task that held a whole order be done once the ledger has that: it would hold what the order says about a person
// for as long as the order is tried, and asynq keeps what it archives for months. The order's next attempt gets a task of its own.
func (w *Worker) release(ctx context.Context, t *Attempted, full *ledger.Submission, err error) error {
	var again queue.Retry
	if full == nil || t.Settled != ledger.SettledReleased || !errors.As(err, &again) {
		return err
	}
	w.door.EnqueueAgain(ctx, t.Attempt, again.After)
	return nil
}

// beside goes on with an attempt outside of the queue's handlers, whose task is done. Should the order have to be looked at
// again after that, it gets a task of its own.
func (w *Worker) beside(ctx context.Context, work func() error, a ledger.Attempt) {
	w.waiting.Go(func() {
		var again queue.Retry
		if err := work(); errors.As(err, &again) {
			w.door.EnqueueAgain(ctx, a, again.After)
		}
	})
}

// Wait returns once no attempt waits beside the handlers any more. That takes about a call of the gateway at most, and three
// seconds until it is made.
func (w *Worker) Wait() { w.waiting.Wait() }

// finish decides what follows from an answer, reports it, and tells those who observe.
func (w *Worker) finish(ctx context.Context, t *Attempted, o *order.Order) error {
	killpoint.At(killpoint.AfterAnswer)
	d := decide(t.Attempt, o, t.Answer, w.maxAge)
	d.breaker(t.Attempt, t.Answer, w.took(t.Attempt, t.Answer))
	t.Settled, t.Err = w.report(ctx, t.Attempt, d)
	t.Reported = time.Now()
	killpoint.At(killpoint.AfterReport)
	if t.Settled == ledger.SettledIssued && t.Attempt.Mail {
		w.door.EnqueueMail(ctx, t.Attempt)
	}
	if t.Settled == ledger.SettledFailed {
		t.FailureCode = d.failure.Code
	}
	t.Wait = d.back.After
	logAttempt(ctx, w.log, t)
	for _, o := range w.observers {
		o.Attempted(ctx, *t)
	}
	return d.task(t.Settled, t.Err)
}

// claim asks for the lease, again and again for a little while: a task of a plain asynq client may
// be the only place where its order is, and the last time that asynq brings it.
func (w *Worker) claim(ctx context.Context, key order.Key, lease time.Duration, full *ledger.Submission) (ledger.Claim, error) {
	nonce := ledger.NewNonce()
	return insist(ctx, giveBackFor, func() (ledger.Claim, error) { return w.ledger.Claim(ctx, key, nonce, lease, full) })
}

// read tells a reference from a full order, by which plain asynq clients send orders.
func (w *Worker) read(t queue.Task) (order.Key, *ledger.Submission, error) {
	if key, ok := order.DecodeReference(t.Payload); ok {
		return key, nil, nil
	}
	s, err := w.door.Prepare(t.Payload, t.Lane)
	return s.Key, &s, err
}

// refuse answers a task that holds no valid order: its producer finds the reasons on the
// result stream, and the task is done.
func (w *Worker) refuse(ctx context.Context, t queue.Task, key order.Key, err error) error {
	var invalid *order.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	named := key.Brief()
	w.log.Warn("a task held no valid order", "task", t.ID, "merchant", named.MerchantID, "ref", named.Ref, "problems", len(invalid.Problems))
	w.told(ctx, t, intake.Receipt{Key: key, Status: intake.Rejected, Problems: invalid.Problems}, w.begin(t, &ledger.Submission{}))
	return w.answered(w.ledger.Reject(ctx, ledger.Rejection{SourceID: t.ID, Key: key, Problems: invalid.Problems}))
}

// notGranted ends a task whose order is settled, with somebody else, or waiting: if anything is
// still owed, the ledger knows when to look again, and the reaper sees to it.
func (w *Worker) notGranted(ctx context.Context, t queue.Task, key order.Key, c ledger.Claim) error {
	switch c.Grant {
	case ledger.UnknownToLedger:
		named := key.Brief()
		w.log.Error("a task refers to an order that the ledger does not have", "task", t.ID, "merchant", named.MerchantID, "ref", named.Ref)
		err := w.answered(w.ledger.Reject(ctx, ledger.Rejection{SourceID: t.ID, Key: key, Problems: []order.Problem{{
			Field:   "/merchant_txn_ref",
			Message: "no order is known under this reference: send the whole order again",
		}}}))
		if err != nil {
			return err
		}
		return queue.Drop{Reason: "no order is known under this reference"}
	case ledger.ClaimMoved:
		return w.handOn(ctx, t)
	case ledger.ClaimConflict:
		w.log.Warn("a task held another order than the ledger", "task", t.ID, "merchant", key.MerchantID, "ref", key.Ref, "fields", c.Differs)
		return w.answered(w.ledger.RejectConflict(ctx, t.ID, key, c.Differs))
	}
	w.log.Debug("nothing to do for a task", "task", t.ID, "merchant", key.MerchantID, "ref", key.Ref, "order", c.Grant, "wait", c.Wait)
	return nil
}

// answered ends a task once its answer is published.
func (w *Worker) answered(err error) error {
	if err != nil {
		w.log.Error("an answer could not be published", "error", err)
		return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
	}
	return nil
}

// took lets the pacer take note of an answer, and reports whether the gateway is down. It says
// once that a merchant's orders are held, and once that they go on.
func (w *Worker) took(a ledger.Attempt, ans gateway.Answer) (down bool) {
	if !ans.Asked && ans.Outcome != gateway.Unavailable && ans.Outcome != gateway.Misconfigured {
		return false
	}
	down = w.pacer.Answered(a.Key.MerchantID, shows(ans)) || ans.Outcome == gateway.Misconfigured
	switch w.pacer.Turned(a.Key.MerchantID, down, shows(ans) == pacing.Served) {
	case pacing.TurnedBad:
		w.log.Error("the gateway does not serve a merchant: its orders wait, none fails, and they go on by themselves once it is mended",
			"merchant", a.Key.MerchantID, "why", why(ans))
	case pacing.TurnedGood:
		w.log.Info("the gateway serves a merchant again: its orders go on", "merchant", a.Key.MerchantID)
	}
	return down
}

// shows says what an answer shows about the gateway.
func shows(ans gateway.Answer) pacing.Answer {
	switch ans.Outcome {
	case gateway.Issued, gateway.Rejected, gateway.Duplicate:
		return pacing.Served
	case gateway.Throttled:
		return pacing.Throttled
	}
	return pacing.Down
}

// reason says in one line why the gateway has no link for an order, without personal data.
func reason(ans gateway.Answer) string {
	if ans.Message == "" {
		return ans.Code
	}
	return fmt.Sprintf("%s (%s)", ans.Message, ans.Code)
}

// why says in one line what an order waits for, without personal data.
func why(ans gateway.Answer) string {
	if ans.Message == "" {
		return fmt.Sprintf("%s (%s)", ans.Outcome, ans.Code)
	}
	return fmt.Sprintf("%s (%s): %s", ans.Outcome, ans.Code, ans.Message)
}
