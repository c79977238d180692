package tracing

import "time"

// line places moments one after the other on the wall clock as it stood at the first of them. Between them counts the time that
// passed, which does not care when the wall clock is set meanwhile: so no span ends before it begins.
type line struct {
	from    time.Time
	reached time.Duration
}

// at returns the place of the next moment. One that is not known, or lies before the last one, is at the last one.
func (l *line) at(t time.Time) time.Time {
	if !t.IsZero() {
		l.reached = max(l.reached, t.Sub(l.from))
	}
	return l.from.Add(l.reached)
}

// tick is how exactly the ledger tells times.
const tick = time.Millisecond

// waited is how long something waited that happened, by the ledger's clock, from one moment to another. The ledger cuts both
// down to milliseconds, so that a wait may look longer than it was by almost one; then the span would begin before its parent.
func waited(from, to time.Time) time.Duration {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return max(to.Sub(from)-tick, 0)
}
