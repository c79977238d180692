package ledger

import (
	"context"
	"fmt"
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
	ClaimMoved      Grant = "moved"    // the task held an order that is not known here, and other partitions take new ones
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
	Namespace  string // of the ledger that has the order
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
	sent := time.Now()
	items, err := l.claim(ctx, key, nonce, lease, full)
	if err != nil {
		return Claim{}, fmt.Errorf("ledger: claim: %w", err)
	}
	if len(items) == attemptItems && items[0] == string(Granted) {
		a := attemptOf(key, nonce, items)
		a.Namespace = l.namespace
		a.LeaseEnds = sent.Add(min(lease, millis(items[6])))
		return Claim{Grant: Granted, Attempt: a}, nil
	}
	return notGranted(items, full)
}

func (l *Ledger) claim(ctx context.Context, key order.Key, nonce string, lease time.Duration, full *Submission) ([]string, error) {
	if full == nil {
		return l.scripts.claim.run(ctx, l, key, []any{lease.Milliseconds(), l.worker}, []any{nonce})
	}
	c := l.ofOrder(key, nonce, lease.Milliseconds(), l.worker)
	c.args = append(append(c.args, full.args()...), flag(full.Mail), full.Trace, full.Layout)
	cmd, unsure := l.once(ctx, l.scripts.claimFull, c)
	if items, err := cmd.StringSlice(); err != nil || unsure == nil {
		return items, err
	}
	return nil, unsure // the queue may be where this server's replicas are not, and it is all there is of the order until then
}

func notGranted(items []string, full *Submission) (Claim, error) {
	r, err := replyOf(items)
	if err != nil {
		return Claim{}, fmt.Errorf("ledger: claim: %w", err)
	}
	switch g := Grant(r.word); g {
	case AlreadyIssued, AlreadyFailed:
		return Claim{Grant: g, Record: recordOf(r.values)}, nil
	case ClaimConflict:
		rec := recordOf(r.values)
		return Claim{Grant: g, Record: rec, Differs: order.DiffFields(rec.fields, full.Fingerprint.Fields)}, nil
	case HeldByAnother, NotYet, HeldByBreaker, UnknownToLedger, ClaimMoved:
		return Claim{Grant: g, Wait: millis(r.values["wait"])}, nil
	}
	return Claim{}, unexpected("claim", r)
}

// attemptItems is how many items a granted claim has.
const attemptItems = 15

func attemptOf(key order.Key, nonce string, v []string) Attempt {
	return Attempt{
		Key:        key,
		Generation: number(v[1]),
		Number:     number(v[2]),
		Nonce:      nonce,
		Lane:       order.Lane(v[3]),
		Attempts:   number(v[4]),
		Uncertain:  v[5] == "1",
		Age:        millis(v[7]),
		Now:        moment(v[8]),
		Order:      []byte(v[9]),
		Probe:      v[10] == "1",
		Slot:       time.Duration(number(v[11])) * time.Microsecond,
		Mail:       v[12] != "",
		Accepted:   moment(v[13]),
		Trace:      v[14],
	}
}
