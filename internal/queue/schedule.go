package queue

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	firstInterval = time.Second
	lastInterval  = 5 * time.Minute
	// After this many doublings the interval has long been lastInterval.
	stepsToLast = 16
)

// Schedule returns the wait before the attempt after attempt (1 is the first; less counts as 1). It is drawn evenly
// from 0 to 1 s after the first, 2 s after the second, and so on doubling up to 5 min: full jitter, so that orders
// that failed together do not come back together.
func Schedule(attempt int) time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithMultiplier(2),
		// The library draws from interval ± factor × interval. With factor 1 that is 0 to twice the interval,
		// so its intervals are half of ours and no draw exceeds lastInterval.
		backoff.WithRandomizationFactor(1),
		backoff.WithInitialInterval(firstInterval/2),
		backoff.WithMaxInterval(lastInterval/2),
		backoff.WithMaxElapsedTime(0), // when to give up is not for the queue to say
	)
	wait := b.NextBackOff()
	for range min(max(attempt, 1), stepsToLast) - 1 { // max first: the smallest int less 1 is the largest
		wait = b.NextBackOff()
	}
	return wait
}

// delay is asynq's RetryDelayFunc: retried counts from 0.
func delay(retried int, err error) time.Duration {
	if r, ok := asRetry(err); ok {
		return wholeSeconds(time.Now(), r.After)
	}
	return wholeSeconds(time.Now(), Schedule(retried+1))
}

// wholeSeconds lengthens a delay so that it ends on a whole second: asynq cuts the time of a retry down to the second
// (rdb.Retry), which would bring the task back early.
func wholeSeconds(now time.Time, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	end := now.Add(d)
	whole := end.Truncate(time.Second)
	if whole.Before(end) {
		whole = whole.Add(time.Second)
	}
	return whole.Sub(now)
}
