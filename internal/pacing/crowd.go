package pacing

import (
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// crowd is the orders of one lane that come to a process' gate.
type crowd struct {
	waiting []*Place
	came    time.Time     // when the last one did
	apart   time.Duration // how long after one another they come, of late
	back    time.Time     // when the order that is sent away next is to come back
}

// comes notes that an order has come.
func (c *crowd) comes() {
	now := time.Now()
	c.apart += (min(now.Sub(c.came), time.Minute) - c.apart) / 8
	c.came = now
}

// soon is how many more orders will come in time for slots that are taken now.
//
// Where orders come less often than slots, each is further behind its slot than the one before, until one finds its slot past. Half
// as many slots are taken as that takes, since orders do not come evenly.
func (c *crowd) soon(interval time.Duration, most int) int {
	behind := c.apart - interval
	if behind <= 0 {
		return most
	}
	return min(most, int(late(interval)/behind/2))
}

// away sends an order away for a while. Those of a crowd are told times one after the other: they do not come back as one.
func (c *crowd) away(wait, interval time.Duration) verdict {
	if next := time.Now().Add(max(0, wait)); c.back.Before(next) {
		c.back = next
	}
	c.back = c.back.Add(interval)
	return verdict{at: c.back}
}

// crowds is one for each lane.
type crowds map[order.Lane]*crowd

// first is whose turn is next: an interactive order, if there is any; nil if nobody waits.
func (c crowds) first() *Place {
	for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
		if w := c[lane].waiting; len(w) > 0 {
			return w[0]
		}
	}
	return nil
}

// ahead is how many orders' turns come before that of one more.
func (c crowds) ahead(lane order.Lane) int {
	n := len(c[order.Interactive].waiting)
	if lane == order.Bulk {
		n += len(c[order.Bulk].waiting)
	}
	return n
}

// decide tells an order whose turn it is what came of it.
func (c crowds) decide(p *Place, v verdict) {
	p.verdict <- v
	c[p.lane].waiting = c[p.lane].waiting[1:]
}
