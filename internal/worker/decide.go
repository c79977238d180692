package worker

import (
	"cmp"
	"math/rand/v2"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// Codes of link.failed.
const (
	// CodeRejected: the gateway refuses the order as it is. Correct it and send it again.
	CodeRejected = "rejected"
	// CodeGaveUp: the order was tried for as long as it may be.
	CodeGaveUp = "gave_up"
	// CodeExpired: the order's own expires_at passed.
	CodeExpired = "expired"
	// CodeUnreadable: what the ledger kept is no order. It takes a repair of the data, or a
	// worker of a newer version.
	CodeUnreadable = "unreadable_order"
)

const (
	// Waits told by the gateway are kept within these bounds, before they are spread.
	leastWait, longestWait = time.Second, 10 * time.Minute
	// untoldWait is for a gateway that throttles and does not say for how long.
	untoldWait = 5 * time.Second
	// loadedWait is for an order whose call the process itself put off, without knowing for how long.
	loadedWait = time.Second
)

type verdict int

const (
	issue verdict = iota
	fail
	release
)

// decision is what follows for an order from an answer: exactly one of the three.
type decision struct {
	verdict verdict
	link    ledger.Issuance
	failure ledger.Failure
	back    ledger.Return
}

// decide is the whole policy: what an answer means for the order that asked. It has no effects.
func decide(a ledger.Attempt, o *order.Order, ans gateway.Answer, maxAge time.Duration) decision {
	switch ans.Outcome {
	case gateway.Issued:
		return decision{verdict: issue, link: ledger.Issuance{
			Link: ledger.Link(ans.Link), Amount: o.Amount, Currency: o.Currency, Metadata: o.Metadata,
		}}
	case gateway.Rejected:
		if a.Uncertain {
			return failed(ledger.CodePossiblyIssued, ans, o)
		}
		return failed(CodeRejected, ans, o)
	case gateway.Duplicate:
		return failed(ledger.CodePossiblyIssued, ans, o)
	case gateway.Misconfigured:
		return released(a, o, ans, ledger.Return{Asked: ans.Asked, Breaker: ledger.TripBreaker})
	case gateway.Throttled:
		return released(a, o, ans, ledger.Return{After: throttledFor(ans), Excused: true})
	case notAsked:
		return decideUnasked(a, o, ans)
	}
	// Unavailable and Uncertain: the order's age decides.
	if a.Age >= maxAge {
		return failed(CodeGaveUp, ans, o)
	}
	return released(a, o, ans, ledger.Return{
		After:     min(queue.Schedule(a.Number), max(maxAge-a.Age, leastWait)), // the last attempt is at the end of its time
		Asked:     ans.Asked,
		Uncertain: ans.Outcome == gateway.Uncertain,
	})
}

func decideUnasked(a ledger.Attempt, o *order.Order, ans gateway.Answer) decision {
	switch ans.Code {
	case CodeExpired, CodeUnreadable:
		return failed(ans.Code, ans, o)
	}
	back := ledger.Return{Excused: true, Slot: a.Slot}
	switch ans.Code {
	case codePaced:
		back.After = ans.RetryAfter
	case codeLoaded, codeNoSlot:
		back.After = cmp.Or(ans.RetryAfter, spread(loadedWait))
	}
	return released(a, o, ans, back)
}

// breaker adds what the answer does to the merchant's breaker. down says that so many calls
// failed that more of them are no use.
func (d *decision) breaker(a ledger.Attempt, ans gateway.Answer, down bool) {
	switch ans.Outcome {
	case gateway.Rejected, gateway.Duplicate:
		d.failure.Well = true
	case gateway.Throttled:
		if a.Probe {
			d.back.Breaker = ledger.CloseBreaker
		}
	case gateway.Unavailable, gateway.Uncertain:
		if down || a.Probe {
			d.back.Breaker = ledger.TripBreaker
		}
	}
}

func failed(code string, ans gateway.Answer, o *order.Order) decision {
	return decision{verdict: fail, failure: ledger.Failure{Code: code, Message: reason(ans), Asked: ans.Asked, Uncertain: ans.Outcome == gateway.Uncertain, Metadata: o.Metadata}}
}

// released lets an order wait, but not past its expires_at: then it is to fail, and be known to.
func released(a ledger.Attempt, o *order.Order, ans gateway.Answer, back ledger.Return) decision {
	if !o.ExpiresAt.IsZero() {
		back.After = min(back.After, max(o.ExpiresAt.Sub(a.Now), 0))
	}
	back.Why = why(ans)
	return decision{verdict: release, back: back}
}

func throttledFor(ans gateway.Answer) time.Duration {
	if ans.RetryAfter == 0 {
		return spread(untoldWait)
	}
	return spread(min(max(ans.RetryAfter, leastWait), longestWait))
}

// spread lengthens a wait by up to its half, so that those who were sent away together do not come back together.
func spread(d time.Duration) time.Duration { return d + rand.N(d/2) }

// task is what the decision means for the task that carried the order.
func (d *decision) task(settled ledger.Settlement, err error) error {
	if err != nil {
		// The order is the ledger's still: its lease runs out, and the reaper gives it back.
		return queue.Retry{After: ledgerAway, Reason: "the ledger did not answer"}
	}
	if settled == ledger.SettledReleased {
		return queue.Retry{After: d.back.After, Reason: d.back.Why}
	}
	return nil
}
