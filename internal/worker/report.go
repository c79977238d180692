package worker

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/hpplink/hpplink/internal/ledger"
)

const (
	// publishFor is how long a minted link is held on to while the ledger does not answer. After
	// that the order is tried again by its lease running out, and the link is lost to view.
	publishFor = time.Minute
	// giveBackFor is the same for an order without a link, which its lease gives back anyway.
	giveBackFor = leaseMargin
)

// report tells the ledger what was decided, again and again while it does not answer.
func (w *Worker) report(ctx context.Context, a ledger.Attempt, d decision) (ledger.Settlement, error) {
	switch d.verdict {
	case issue:
		return insist(ctx, publishFor, func() (ledger.Settlement, error) { return w.ledger.Issue(ctx, a, d.link) })
	case fail:
		return insist(ctx, giveBackFor, func() (ledger.Settlement, error) { return w.ledger.Fail(ctx, a, d.failure) })
	default:
		return insist(ctx, giveBackFor, func() (ledger.Settlement, error) { return w.ledger.Release(ctx, a, d.back) })
	}
}

func insist[T any](ctx context.Context, most time.Duration, step func() (T, error)) (T, error) {
	done, err := step()
	if err == nil {
		return done, nil // as nearly always: without the means of a schedule
	}
	return backoff.RetryWithData(step, backoff.WithContext(backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(100*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(most),
	), ctx))
}
