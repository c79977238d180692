package worker

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/killpoint"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Answers that the worker gives itself, without asking the gateway.
const (
	notAsked gateway.Outcome = "not_asked"

	codeExpired   = "expired"
	codeNoLease   = "lease_too_short"
	codeNoProfile = "no_profile"
	codeUnread    = "unreadable_order"
)

// ask calls the gateway for an attempt, unless there is a reason not to. A call that surely did
// not reach the gateway is made again at once, a few times: that spares the order a turn in the
// queue, and nothing is at risk.
func (w *Worker) ask(ctx context.Context, a ledger.Attempt, p merchant.Profile, known bool) (gateway.Answer, *order.Order) {
	o, err := order.Decode(a.Order)
	if err != nil {
		return unasked(codeUnread, "the order in the ledger can not be read"), &order.Order{}
	}
	if !known {
		return gateway.Answer{Outcome: gateway.Misconfigured, Code: codeNoProfile, Message: "there is no profile for this merchant"}, o
	}
	if !o.ExpiresAt.IsZero() && !a.Now.Before(o.ExpiresAt) {
		return unasked(codeExpired, "the order's expires_at has passed"), o
	}
	// A worker that was held up may have lost its lease to another; then a POST from here could
	// mint a second link.
	leaseHolds := func() bool { return time.Until(a.LeaseEnds) >= p.Timeout }
	if !leaseHolds() {
		return unasked(codeNoLease, "the attempt was held up until its lease was too short for a call"), o
	}
	var answer gateway.Answer
	again := shortly(ctx)
	for {
		killpoint.At(killpoint.BeforePost)
		answer = w.gateway.Generate(ctx, p, o)
		wait := again.NextBackOff()
		if answer.Asked || answer.Outcome != gateway.Unavailable || wait == backoff.Stop {
			return answer, o
		}
		sleep(ctx, wait)
		if !leaseHolds() {
			return answer, o
		}
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

func unasked(code, message string) gateway.Answer {
	return gateway.Answer{Outcome: notAsked, Code: code, Message: message}
}
