package ledger

import (
	"context"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// Grant says whether a worker may work on an order, and if not, why.
type Grant string

const (
	Granted         Grant = "granted"  // the attempt is yours until the lease ends
	AlreadyIssued   Grant = "issued"   // see Record
	AlreadyFailed   Grant = "failed"   // see Record
	ClaimConflict   Grant = "conflict" // the task held another order than the ledger; see Record and Differs
	HeldByAnother   Grant = "busy"     // another attempt holds the lease, for Wait
	NotYet          Grant = "early"    // it waits, for Wait
	HeldByBreaker   Grant = "held"     // its merchant's breaker is open; it is given back when that closes
	UnknownToLedger Grant = "unknown"  // no such order
)

// Claim is the answer to a worker that wants to work on an order.
type Claim struct {
	Grant   Grant
	Attempt Attempt       // when granted
	Record  Record        // when issued, failed or in conflict
	Differs []string      // when in conflict
	Wait    time.Duration // when busy or early
}

// Attempt is the right to ask the gateway once for one order.
type Attempt struct {
	Key        order.Key
	Generation int
	Number     int    // of the claim within the generation, from 1
	Nonce      string // with the number, the attempt's token
	Lane       order.Lane
	Attempts   int           // how often the gateway was asked, this attempt included
	Uncertain  bool          // an attempt before this one may have minted a link
	Age        time.Duration // since the first real attempt, excused waits left out
	Now        time.Time     // by the ledger's clock
	LeaseEnds  time.Time     // by this process' monotonic clock, counted from before the claim was sent
	Order      []byte
	Probe      bool          // it is to show whether the gateway is well again: the merchant's breaker is open
	Mail       bool          // the link is to be sent by email once it is issued
	Slot       time.Duration // if it waited for its slot of the rate limit, and has it: the time between two slots
	Accepted   time.Time     // when this generation began, by the ledger's clock
	Trace      string        // the traceparent that it was accepted with; "" for none
}

// Claim asks for the lease of an order. full is the whole order when the task carried one,
// and nil when it carried a reference.
//
// The lease is counted, here, from before the request is sent: so an attempt that finds it
// still running knows that nobody else holds it.
func (l *Ledger) Claim(ctx context.Context, key order.Key, nonce string, lease time.Duration, full *Submission) (Claim, error) {
	script, c := l.scripts.claim, l.about(key, l.keys.ofClaim(key), nonce, lease.Milliseconds(), l.worker)
	if full != nil {
		script, c.keys = l.scripts.claimFull, l.keys.ofOrder(key)
		c.args = append(append(c.args, full.args()...), flag(full.Mail), full.Trace)
	}
	sent := time.Now()
	r, err := l.run(ctx, "claim", script, c)
	if err != nil {
		return Claim{}, err
	}
	switch g := Grant(r.word); g {
	case Granted:
		a := attemptOf(key, nonce, r.values)
		a.LeaseEnds = sent.Add(min(lease, millis(r.values["lease"])))
		return Claim{Grant: g, Attempt: a}, nil
	case AlreadyIssued, AlreadyFailed:
		return Claim{Grant: g, Record: recordOf(r.values)}, nil
	case ClaimConflict:
		rec := recordOf(r.values)
		return Claim{Grant: g, Record: rec, Differs: order.DiffFields(rec.fields, full.Fingerprint.Fields)}, nil
	case HeldByAnother, NotYet, HeldByBreaker, UnknownToLedger:
		return Claim{Grant: g, Wait: millis(r.values["wait"])}, nil
	}
	return Claim{}, unexpected("claim", r)
}

func attemptOf(key order.Key, nonce string, v map[string]string) Attempt {
	return Attempt{
		Key:        key,
		Generation: number(v["gen"]),
		Number:     number(v["n"]),
		Nonce:      nonce,
		Lane:       order.Lane(v["lane"]),
		Attempts:   number(v["attempts"]),
		Uncertain:  v["uncertain"] == "1",
		Age:        millis(v["age"]),
		Now:        moment(v["now"]),
		Order:      []byte(v["order"]),
		Probe:      v["probe"] == "1",
		Slot:       time.Duration(number(v["slot"])) * time.Microsecond,
		Mail:       v["mail"] != "",
		Accepted:   moment(v["accepted"]),
		Trace:      v["trace"],
	}
}
