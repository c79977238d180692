package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/killpoint"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

// Answers that the worker gives itself, without asking the gateway.
const (
	notAsked gateway.Outcome = "not_asked"

	codeNoLease   = "lease_too_short"
	codeNoProfile = "no_profile"
	codeNoSlot    = "no_slot"
	codePaced     = "paced"
	codeLoaded    = "loaded"

	codeNotReplicated = "not_replicated" // of emails alone
)

// holdFor is how long an order may keep a place among the worker's handlers until its call may be made. One that waits
// for longer gives its place to another, and waits beside them.
const holdFor = 250 * time.Millisecond

// ask calls the gateway for an attempt, unless there is a reason not to. A call that surely did
// not reach the gateway is made again at once, a few times: that spares the order a turn in the
// queue, and nothing is at risk. It notes the answer, and returns the order.
func (w *Worker) ask(ctx context.Context, t *Attempted, p merchant.Profile, known bool, turn pacing.Pass) *order.Order {
	a := &t.Attempt
	o, err := order.Decode(a.Order)
	if err == nil {
		err = o.FormError()
	}
	if err != nil {
		t.Answer = unasked(CodeUnreadable, "the order in the ledger can not be read")
		return &order.Order{}
	}
	switch {
	case !known:
		t.Answer = gateway.Answer{Outcome: gateway.Misconfigured, Code: codeNoProfile, Message: "there is no profile for this merchant"}
	case !o.ExpiresAt.IsZero() && !a.Now.Before(o.ExpiresAt):
		t.Answer = unasked(CodeExpired, "the order's expires_at has passed")
	case !turn.Mine:
		a.Slot = pacing.Interval(p.Rate) // it comes back to the gate, and does not line up again
		t.Answer = paced(turn.Wait, p.Rate)
	default:
		w.call(ctx, p, o, t, turn)
	}
	return o
}

// place has the attempt line up for its call. A breaker's probe goes at once.
func (w *Worker) place(ctx context.Context, a ledger.Attempt, p merchant.Profile) (*pacing.Place, error) {
	rate := p.Rate
	if a.Probe {
		rate = 0
	}
	return w.pacer.LineUp(ctx, p.ID, rate, a.Lane, a.Slot > 0)
}

// call asks the gateway, while the lease holds: a worker that was held up may have lost its lease to another, and then a
// POST from here could mint a second link.
func (w *Worker) call(ctx context.Context, p merchant.Profile, o *order.Order, t *Attempted, turn pacing.Pass) {
	if places := w.calls[t.Attempt.Lane]; places != nil {
		places <- struct{}{} // whoever is in has a time limit
		defer func() { <-places }()
	}
	permit, ok := w.pacer.Enter(ctx, p.ID, p.Concurrency, t.Attempt.Lane)
	if !ok {
		t.Answer = unasked(codeLoaded, "the gateway is loaded: fewer calls are made at once")
		t.Answer.RetryAfter = permit.Again
		return
	}
	t.Answer = unasked(codeNoLease, "the attempt was held up until its lease was too short for a call")
	defer func() { permit.Done(shows(t.Answer)) }()
	again := shortly(ctx)
	for now := time.Now(); t.Attempt.LeaseEnds.Sub(now) >= p.Timeout; now = time.Now() {
		if t.Asked.IsZero() {
			t.Asked = now
			turn.Called()
		}
		killpoint.At(killpoint.BeforePost)
		t.Answer = w.gateway.Generate(ctx, p, o)
		t.Answered = time.Now()
		wait := again.NextBackOff()
		if t.Answer.Asked || t.Answer.Outcome != gateway.Unavailable || wait == backoff.Stop {
			return
		}
		sleep(ctx, wait)
	}
}

// shortly is the schedule of the calls made again at once: three, within half a second or so.
func shortly(ctx context.Context) backoff.BackOff {
	b := backoff.NewExponentialBackOff(backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMultiplier(2))
	return backoff.WithContext(backoff.WithMaxRetries(b, 3), ctx)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func paced(wait time.Duration, perSecond float64) gateway.Answer {
	a := unasked(codePaced, fmt.Sprintf("the merchant's rate limit is %g a second", perSecond))
	a.RetryAfter = wait
	return a
}

func unasked(code, message string) gateway.Answer {
	return gateway.Answer{Outcome: notAsked, Code: code, Message: message}
}
