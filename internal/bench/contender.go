package bench

import (
	"strconv"

	"github.com/hpplink/hpplink/internal/bench/plain"
)

// Names of the contenders.
const (
	Bare    = "bare"  // asynq with a handler that does nothing
	Plain   = "plain" // what one writes without hpplink
	Hpplink = "hpplink"
	Against = "against" // a second hpplink, for pairs
)

// linkResults is the stream that hpplink publishes to, as its consumers know it.
const linkResults = "{hpp}:results"

// contender is a worker to be measured, and how it is handed orders.
type contender struct {
	name    string
	results string // the stream of its results; "" if it has none

	enqueue func(*lab) command                        // reads orders, one a line, and ends
	work    func(l *lab, inFlight int) command        // works them until SIGTERM
	stand   func(l *lab, besides bool) command        // all that it has, with its own settings; besides: bulk orders wait
	ready   string                                    // path that answers 200 once it does all it has; "": asynq knows it
	ways    func(l *lab, besides bool) ([]way, error) // how an urgent order is handed in
}

// contender returns the one with this name.
func (b *Bench) contender(name string) contender {
	switch name {
	case Bare:
		return contender{name: name, enqueue: b.enqueuePlain, work: b.role("bare"), stand: b.standing("bare", "--tell"), ways: plainWays}
	case Plain:
		return contender{name: name, results: plain.Results, enqueue: b.enqueuePlain, work: b.role("plain"), stand: b.standing("plain"), ways: plainWays}
	case Against:
		return b.hpplink(name, b.options.Against)
	}
	return b.hpplink(name, b.options.Hpplink)
}

// role is a worker that this program is itself.
func (b *Bench) role(name string) func(*lab, int) command {
	return func(l *lab, inFlight int) command {
		return command{path: b.self, args: []string{name, "--redis", l.redis.addr, "--gateway", l.gatewayURL, "--concurrency", strconv.Itoa(inFlight)}}
	}
}

const (
	// standingInFlight is how many calls at once a worker makes that was told nothing; hpplink's own default.
	standingInFlight = 50

	plainQueue  = "default" // where tasks go that name no queue
	urgentQueue = "urgent"
)

// standing is such a worker with what one would give it for urgent orders: a queue of more weight, when there are others.
func (b *Bench) standing(name string, args ...string) func(*lab, bool) command {
	return func(l *lab, besides bool) command {
		c := b.role(name)(l, standingInFlight)
		c.args = append(c.args, args...)
		if besides {
			c.args = append(c.args, "--queues", urgentQueue+"=6;"+plainQueue+"=1")
		}
		return c
	}
}

func (b *Bench) enqueuePlain(l *lab) command {
	return command{path: b.self, args: []string{"enqueue", "--redis", l.redis.addr, "--type", plain.Task, "--queue", plainQueue}}
}

// hpplink is a binary of hpplink, with its settings as they come.
func (b *Bench) hpplink(name, path string) contender {
	return contender{
		name: name, results: linkResults,
		enqueue: func(l *lab) command {
			return command{path: path, args: []string{"enqueue", "--lane", "bulk", "-"}, env: l.settings()}
		},
		work: func(l *lab, inFlight int) command {
			return command{path: path, args: []string{"run", "--roles", "worker", "--concurrency", strconv.Itoa(inFlight)}, env: l.settings()}
		},
		stand: func(l *lab, _ bool) command {
			return command{path: path, args: []string{"run"}, env: l.settings()}
		},
		ready: "/readyz",
		ways:  hpplinkWays,
	}
}

// settings are those of hpplink in a lab.
func (l *lab) settings() []string {
	return []string{
		"HPPLINK_REDIS=redis://" + l.redis.addr + "/0", "HPPLINK_GATEWAY_URL=" + l.gatewayURL,
		"HPPLINK_API_KEY=key", "HPPLINK_X_API_KEY=key", "HPPLINK_MERCHANT_ID=" + merchantID, "HPPLINK_LISTEN=" + l.listen,
		"HPPLINK_MAX_OPEN=10000000",
	}
}
