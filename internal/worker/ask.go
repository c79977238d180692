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
)

// holdFor is how long an order may keep a place among the worker's handlers until its call may be made. One that waits
// for longer gives its place to another, and waits beside them.
const holdFor = 250 * time.Millisecond

// ask calls the gateway for an attempt, unless there is a reason not to. A call that surely did
// not reach the gateway is made again at once, a few times: that spares the order a turn in the
// queue, and nothing is at risk.
func (w *Worker) ask(ctx context.Context, a *ledger.Attempt, p merchant.Profile, known bool, turn pacing.Pass) (gateway.Answer, *order.Order) {
	o, err := order.Decode(a.Order)
	if err == nil {
		err = o.FormError()
	}
	if err != nil {
		return unasked(CodeUnreadable, "the order in the ledger can not be read"), &order.Order{}
	}
	if !known {
		return gateway.Answer{Outcome: gateway.Misconfigured, Code: codeNoProfile, Message: "there is no profile for this merchant"}, o
	}
	if !o.ExpiresAt.IsZero() && !a.Now.Before(o.ExpiresAt) {
		return unasked(CodeExpired, "the order's expires_at has passed"), o
	}
	// A worker that was held up may have lost its lease to another; then a POST from here could
	// mint a second link.
	leaseHolds := func() bool { return time.Until(a.LeaseEnds) >= p.Timeout }
	if !turn.Mine {
		a.Slot = pacing.Interval(p.Rate) // it comes back to the gate, and does not line up again
		return paced(turn.Wait, p.Rate), o
	}
	return w.call(ctx, p, o, a.Lane, leaseHolds), o
}

// turn says when the attempt's call may be made. A breaker's probe goes at once.
func (w *Worker) turn(ctx context.Context, a ledger.Attempt, p merchant.Profile) (pacing.Pass, error) {
	if a.Probe {
		return pacing.Pass{Mine: true}, nil
	}
	return w.pacer.Pass(ctx, p.ID, p.Rate, a.Lane, a.Slot > 0)
}

// call asks the gateway, while the lease holds.
func (w *Worker) call(ctx context.Context, p merchant.Profile, o *order.Order, lane order.Lane, leaseHolds func() bool) gateway.Answer {
	permit, ok := w.pacer.Enter(ctx, p.ID, p.Concurrency, lane)
	if !ok {
		return unasked(codeLoaded, "the gateway is loaded: fewer calls are made at once")
	}
	answer := unasked(codeNoLease, "the attempt was held up until its lease was too short for a call")
	defer func() { permit.Done(shows(answer)) }()
	again := shortly(ctx)
	for leaseHolds() {
		killpoint.At(killpoint.BeforePost)
		answer = w.gateway.Generate(ctx, p, o)
		wait := again.NextBackOff()
		if answer.Asked || answer.Outcome != gateway.Unavailable || wait == backoff.Stop {
			break
		}
		sleep(ctx, wait)
	}
	return answer
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
