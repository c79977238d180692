// Package doctor looks at what deployments get wrong, and says of each thing that it is fine, or what to do: Redis and what
// its user may do there, queues and workers, gateways and their keys, the mail server, times that do not fit together, files
// that others can read, the limits of the process.
//
// It knows what a sound deployment looks like. It does not know where settings come from, nor how findings are shown. It
// makes no link, sends no email, works no order, and changes nothing in Redis. Findings hold no secrets, no personal data
// and no orders.
package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Level says how bad something is.
type Level string

// The levels.
const (
	Fine Level = "fine"
	Note Level = "note" // worth knowing; fit for production all the same
	Mend Level = "mend" // not fit for production until it is mended
)

// Fault says of a finding that it is not only to be mended: hpplink could not work at all.
type Fault string

// The faults.
const (
	Settings    Fault = "settings"    // it would not start with these settings
	Unusable    Fault = "unusable"    // this Redis can not hold orders, or does not let us in
	Unreachable Fault = "unreachable" // Redis is out of reach; later it may not be
)

// Finding is what was found out about one thing.
type Finding struct {
	Group    string // what it belongs to, such as "redis"
	Subject  string // the thing
	Merchant string // whose it is; "" for none in particular
	Level    Level
	Detail   string // what was found, in one line
	Remedy   string // what to do about it; "" if it is fine, or the detail says so
	Fault    Fault  // "" for none
}

// Probe looks at something. It ends with its context, and says then what it could not find out.
type Probe func(ctx context.Context) []Finding

// late is how long probes may take to notice that their time is over.
const late = time.Second

// Examine runs probes side by side, for no longer than limit (and a second), and returns what they found in their order.
func Examine(ctx context.Context, limit time.Duration, probes ...Probe) []Finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found := make([]chan []Finding, len(probes))
	for i, probe := range probes {
		found[i] = make(chan []Finding, 1)
		go func() { found[i] <- probe(ctx) }()
	}
	over := time.NewTimer(limit + late)
	defer over.Stop()
	var all []Finding
	for _, c := range found {
		select {
		case findings := <-c:
			all = append(all, findings...)
		case <-over.C:
			over.Reset(0)
			all = append(all, about("settings", "check").mend("run it again", "not everything could be looked at in %v", limit))
		}
	}
	return all
}

// subject is what findings are made about.
type subject struct{ group, name, merchant string }

func about(group, name string) subject { return subject{group: group, name: name} }

func (s subject) of(merchant string) subject {
	s.merchant = merchant
	return s
}

func (s subject) found(l Level, remedy, format string, args ...any) Finding {
	return Finding{Group: s.group, Subject: s.name, Merchant: s.merchant, Level: l, Detail: fmt.Sprintf(format, args...), Remedy: remedy}
}

func (s subject) fine(format string, args ...any) Finding { return s.found(Fine, "", format, args...) }

func (s subject) note(remedy, format string, args ...any) Finding {
	return s.found(Note, remedy, format, args...)
}

func (s subject) mend(remedy, format string, args ...any) Finding {
	return s.found(Mend, remedy, format, args...)
}

// as marks a finding with a fault.
func (f Finding) as(fault Fault) Finding {
	f.Fault = fault
	return f
}

// aside looks at several things at once, and returns what was found in their order.
func aside(ctx context.Context, probes ...Probe) []Finding {
	found := make([][]Finding, len(probes))
	var all sync.WaitGroup
	for i, probe := range probes {
		all.Go(func() { found[i] = probe(ctx) })
	}
	all.Wait()
	var findings []Finding
	for _, f := range found {
		findings = append(findings, f...)
	}
	return findings
}
