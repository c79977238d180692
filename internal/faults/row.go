//go:build faults

package faults

import (
	"cmp"
	"time"
)

const (
	workers = 2

	shortOrders, longOrders = 300, 2000
	// Orders come in over a time, so that faults strike in their midst; longer in the long form.
	usualSpan, longer     = 4 * time.Second, 6
	shortBound, longBound = 75 * time.Second, 5 * time.Minute
	usualLatency          = 100 * time.Millisecond // of the gateway, give or take half
)

// row is one fault: what is done to a system while it works orders, and what must hold
// besides the invariants of all rows (see verify).
type row struct {
	name    string
	holds   string                        // what must hold, for the table
	short   int                           // orders in the short form; default 300
	long    int                           // orders in the long form; default 2,000
	span    time.Duration                 // in which orders come in, in the short form; default 4 s
	latency time.Duration                 // of the gateway; default 100 ms
	faults  string                        // of the gateway, from the start
	start   func(s *system, n int) string // more environment of the nth worker
	via     func(s *system) string        // what leads to Redis in place of a wire
	act     func(s *system)               // the fault; orders come in meanwhile
	check   func(s *system, c *count) []string
	failing int  // percentage of orders that must fail for good
	mayFail bool // any number may
	mail    bool // every order asks for an email
	reposts bool // workers are killed that ask for links as well, so some are asked for again
	lossy   bool // Redis lost data: an order may have two links, under one event id
}

// long is set by FAULTS=long.
var long bool

func (r row) orders() int {
	return pick(cmp.Or(r.short, shortOrders), cmp.Or(r.long, longOrders))
}

func (r row) over() time.Duration {
	return cmp.Or(r.span, usualSpan) * pick[time.Duration](1, longer)
}

func (r row) bound() time.Duration { return pick(shortBound, longBound) }

// pick returns the first for the short form, the second for the long one.
func pick[T any](short, thorough T) T {
	if long {
		return thorough
	}
	return short
}

func (r row) env(s *system, n int) []string {
	if r.start == nil {
		return nil
	}
	if e := r.start(s, n); e != "" {
		return []string{e}
	}
	return nil
}
