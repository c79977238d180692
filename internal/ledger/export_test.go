package ledger

import (
	"context"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// TestClock is the key that holds the time of a ledger made by NewWithTestClock, in microseconds.
const TestClock = "{hpp}:test:clock"

// NewWithTestClock returns a ledger whose scripts read the time from the key TestClock.
func NewWithTestClock(rdb redis.UniversalClient) *Ledger {
	l := New(rdb, "hpp", 0)
	l.scripts = newScripts("local function microseconds() return tonumber(redis.call('GET', '" + TestClock + "')) end\n")
	return l
}

// Live gives a sign of life for the ledger's worker.
func (l *Ledger) Live(ctx context.Context) error {
	return l.scripts.beat.Run(ctx, l.rdb, []string{l.keys.Workers()}, l.worker).Err()
}

// Bury counts a worker as dead without waiting for it to be silent.
func (l *Ledger) Bury(ctx context.Context, id string) (bool, error) {
	last, err := l.rdb.ZScore(ctx, l.keys.Workers(), id).Result()
	if err != nil {
		return false, err
	}
	return l.Pulse().bury(ctx, id, strconv.FormatFloat(last, 'f', -1, 64))
}

// LongestOpen is the longest time that a breaker is open between two probes.
const LongestOpen = longestOpen

// NewestUnpublished and PublishUpTo are the two steps of a publisher, without the replica between them.
func (l *Ledger) NewestUnpublished(ctx context.Context) string {
	for _, m := range l.rdb.XRevRangeN(ctx, l.keys.Outbox(), "+", "-", 1).Val() {
		return m.ID
	}
	return ""
}

// PublishUpTo is the second step.
func (l *Ledger) PublishUpTo(ctx context.Context, last string) (int, error) {
	return l.publishUpTo(ctx, last)
}
