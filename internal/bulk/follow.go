package bulk

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
)

const (
	look      = 500 * time.Millisecond // how often a batch's counts are read
	ask       = 2 * time.Second        // how often it is asked why an order waits
	rateOver  = 20                     // looks that the rate is taken over
	awayBound = 30 * time.Second       // how long Redis may be silent before following it ends
)

// Standing is how a batch stands.
type Standing struct {
	ledger.Batch
	Rate float64 // orders a second that were settled lately
	Waiting
}

// Waiting is why the orders of a batch wait, as far as one of them tells. The zero value: they only wait for their turn.
type Waiting struct {
	Why     string
	NextTry time.Time // zero when nobody knows
}

// Settled counts the orders that have their link or failed.
func (s Standing) Settled() int { return s.Issued + s.Failed }

// Left is about how long it takes until all are settled, zero when nobody knows.
func (s Standing) Left() time.Duration {
	if s.Rate <= 0 || s.Open == 0 {
		return 0
	}
	return time.Duration(float64(s.Open) / s.Rate * float64(time.Second))
}

// UnknownBatchError means that there is no such batch.
type UnknownBatchError struct{ ID string }

func (e *UnknownBatchError) Error() string {
	return fmt.Sprintf("no batch %q is known here: 'hpplink bulk status' lists the latest; check --redis and --namespace too", e.ID)
}

// Batch looks a batch up. The error is an *UnknownBatchError when there is none.
func (d *Desk) Batch(ctx context.Context, id string) (ledger.Batch, error) {
	b, found, err := d.Ledger.Batch(ctx, id)
	if err == nil && !found {
		err = &UnknownBatchError{id}
	}
	return b, err
}

// Follow tells how a batch stands, every half second, and returns when its run has ended or the context has. It reads
// the batch's counts and one order at most, however large the batch is.
func (d *Desk) Follow(ctx context.Context, id string, watch func(Standing)) (ledger.Batch, error) {
	f := follower{desk: d, id: id}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		s, err := f.standing(ctx)
		if err != nil {
			return s.Batch, err
		}
		watch(s)
		if s.State != ledger.BatchRunning {
			return s.Batch, nil
		}
		select {
		case <-ctx.Done():
			return s.Batch, ctx.Err()
		case <-ticker.C:
		}
	}
}

type follower struct {
	desk  *Desk
	id    string
	last  Standing
	seen  []sighting // the latest looks
	asked time.Time
	away  time.Time // since when Redis has not answered
}

type sighting struct {
	at      time.Time
	settled int
}

func (f *follower) standing(ctx context.Context) (Standing, error) {
	b, err := f.desk.Batch(ctx, f.id)
	if err != nil {
		return f.silence(ctx, err)
	}
	now := time.Now()
	f.away = time.Time{}
	f.last.Batch = b
	if f.seen = append(f.seen, sighting{now, f.last.Settled()}); len(f.seen) > rateOver {
		f.seen = f.seen[1:]
	}
	f.last.Rate = rate(f.seen)
	if b.Open == 0 {
		f.last.Waiting = Waiting{}
	} else if now.Sub(f.asked) >= ask {
		f.asked = now
		if why, err := f.desk.Why(ctx, b); err == nil {
			f.last.Waiting = why
		}
	}
	return f.last, nil
}

// silence lets a restart of Redis pass.
func (f *follower) silence(ctx context.Context, err error) (Standing, error) {
	if _, unknown := err.(*UnknownBatchError); unknown || ctx.Err() != nil || f.last.ID == "" {
		return f.last, err
	}
	if f.away.IsZero() {
		f.away = time.Now()
	}
	if time.Since(f.away) > awayBound {
		return f.last, err
	}
	f.last.Waiting = Waiting{Why: "Redis does not answer"}
	return f.last, nil
}

func rate(seen []sighting) float64 {
	first, last := seen[0], seen[len(seen)-1]
	took := last.at.Sub(first.at).Seconds()
	if took <= 0 || last.settled <= first.settled {
		return 0
	}
	return float64(last.settled-first.settled) / took
}

// sample is how many orders are looked at to find out why a batch waits.
const sample = 3

// Why says why the orders of a batch wait that are about to be next.
func (d *Desk) Why(ctx context.Context, b ledger.Batch) (Waiting, error) {
	if b.Open == 0 {
		return Waiting{}, nil
	}
	keys, err := d.Ledger.BatchOrders(ctx, b.ID, min(b.Issued+b.Failed, max(0, b.Orders-sample)), sample)
	if err != nil || len(keys) == 0 {
		return Waiting{}, err
	}
	alive, err := d.Ledger.WorkerSeen(ctx)
	if err != nil {
		return Waiting{}, err
	}
	if !alive {
		return Waiting{Why: "no worker is running: start 'hpplink run'"}, nil
	}
	breaker, err := d.Ledger.BreakerOf(ctx, keys[0].MerchantID)
	if err != nil {
		return Waiting{}, err
	}
	if breaker.Open {
		return Waiting{fmt.Sprintf("the gateway does not serve merchant %s: %s", breaker.MerchantID, breaker.Why), breaker.Until}, nil
	}
	records, _, err := d.Ledger.Records(ctx, keys)
	if err != nil {
		return Waiting{}, err
	}
	for _, r := range records {
		if r.State == ledger.Queued && r.Why != "" {
			return Waiting{r.Why, r.WaitUntil}, nil
		}
	}
	return Waiting{}, nil
}
