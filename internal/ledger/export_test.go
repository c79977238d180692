package ledger

import (
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
