package doctor

import (
	"time"

	"github.com/hpplink/hpplink/internal/merchant"
)

// Times are those that have to fit together.
type Times struct {
	Merchants []merchant.Profile // complete
	MaxAge    time.Duration      // how long an order is tried
	Stop      time.Duration      // how long a process may take to end; 0: not known
}

const (
	settingsGroup = "settings"
	// tries are how many calls an order should have the time for: with the waits between them that rides out a minute's
	// trouble.
	tries = 10
	// patient is how long a call should be waited for. Public clients of the gateway wait 15 and 60 seconds.
	patient = 5 * time.Second
	// usualGrace is what Kubernetes gives a process that it stops; Docker gives ten seconds.
	usualGrace = 30 * time.Second
)

// Examine compares them.
func (t Times) Examine() (all []Finding) {
	s := about(settingsGroup, "times")
	for _, p := range t.Merchants {
		if t.MaxAge < tries*p.Timeout {
			all = append(all, s.of(p.ID).mend("raise HPPLINK_MAX_AGE to "+(tries*p.Timeout).String()+" or more, or lower the time-out",
				"%s: an order is tried for %v (HPPLINK_MAX_AGE), and one call may take %v: few are tried twice", p.ID, t.MaxAge, p.Timeout))
		}
		if p.Timeout < patient {
			all = append(all, s.of(p.ID).note("raise timeout / HPPLINK_GATEWAY_TIMEOUT to 15s",
				"%s: calls end after %v, and each that ends so may leave a link that nobody saw", p.ID, p.Timeout))
		}
	}
	const text = "a process takes up to %v to stop"
	if t.Stop == 0 {
		return all
	}
	if t.Stop > usualGrace {
		return append(all, s.note("give it longer than that: terminationGracePeriodSeconds, stop_grace_period, TimeoutStopSec", text, t.Stop))
	}
	return append(all, s.fine(text+": give it longer (Docker's default is 10s)", t.Stop))
}
