package doctor

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	mostPings, leastPings = 20, 3
	pinging               = time.Second // for all of them

	farNote, farMend = 10 * time.Millisecond, 100 * time.Millisecond

	// The ledger goes by Redis' clock. asynq goes by this machine's: for retries, and for leases of 30 s, which seem to have
	// ended where a clock is that much ahead; and orders whose task is lost are looked for after a grace of 5 s.
	skewNote, skewMend = time.Second, 5 * time.Second
)

// speed measures how long an answer takes, and how far the clocks are apart.
func (r Redis) speed(ctx context.Context, client redis.UniversalClient) []Finding {
	var took []time.Duration
	skew, sure := time.Duration(0), time.Hour
	begin := time.Now()
	for len(took) < mostPings && (len(took) < leastPings || time.Since(begin) < pinging) {
		asked, by := time.Now(), r.Now()
		now, err := client.Time(ctx).Result()
		if err != nil {
			return []Finding{about(redisGroup, "speed").mend("look at the log of Redis and at the network between", "Redis stopped answering: %v", err)}
		}
		rtt := time.Since(asked)
		took = append(took, rtt)
		if rtt < sure { // the quickest answer tells the time best
			skew, sure = now.Sub(by.Add(rtt/2)), rtt
		}
	}
	slices.Sort(took)
	return []Finding{distance(took), clocks(skew, sure)}
}

func distance(took []time.Duration) Finding {
	s := about(redisGroup, "speed")
	median, longest := took[len(took)/2], took[len(took)-1]
	text := "Redis answers within %v (median), %v (slowest of %d)"
	args := []any{short(median), short(longest), len(took)}
	switch remedy := "run hpplink in the network of Redis; each link takes several answers"; {
	case median > farMend:
		return s.mend(remedy, text, args...)
	case median > farNote:
		return s.note(remedy, text, args...)
	}
	return s.fine(text, args...)
}

func short(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(100 * time.Microsecond)
}

// clocks judges what is certain of a skew.
func clocks(skew, sure time.Duration) Finding {
	s := about(redisGroup, "clock")
	apart := max(skew.Abs()-sure/2, 0)
	const remedy = "run a time service (chrony, systemd-timesyncd) on both"
	const text = "this machine's clock and that of Redis are %v apart: retries come that much early or late, and from 30 s on tasks are run twice"
	switch {
	case apart >= skewMend:
		return s.mend(remedy, text, apart.Round(100*time.Millisecond))
	case apart >= skewNote:
		return s.note(remedy, text, apart.Round(100*time.Millisecond))
	}
	return s.fine("the same here as at Redis")
}
