package bench

import (
	"cmp"
	"context"
	"strings"
	"time"
)

// measurement is one of those that the benchmark makes.
type measurement struct {
	name string
	long bool // it is made only at full size, or when asked for by name
	run  func(*Bench, context.Context) error
}

// The measurements. Rounds and sizes are such that all short ones take about five minutes on two cores.
var plan = []measurement{
	{name: "drain", run: func(b *Bench, ctx context.Context) error {
		return b.drains(ctx, drainCase{
			name: "drain", title: "Drain", contenders: b.contenders(Bare, Plain, Hpplink),
			rounds: b.size(5, 10), orders: b.size(20_000, 50_000), inFlight: 100,
		})
	}},
	{name: "throughput", run: func(b *Bench, ctx context.Context) error {
		return b.drains(ctx, drainCase{
			name: "throughput", title: "Throughput", contenders: b.contenders(Plain, Hpplink),
			rounds: b.size(3, 5), orders: b.size(10_000, 50_000), inFlight: 400, latency: 150 * time.Millisecond,
		})
	}},
	{name: "memory", run: (*Bench).memory},
	{name: "idle", run: (*Bench).idle},
	{name: "lone", run: (*Bench).lone},
	{name: "beside", run: (*Bench).beside},
	{name: "growth", long: true, run: (*Bench).growth},
}

// Measurements lists the names of all measurements.
func Measurements() string {
	names := make([]string, len(plan))
	for i, m := range plan {
		names[i] = m.name
	}
	return strings.Join(names, ", ")
}

func (b *Bench) size(short, long int) int {
	if b.options.Long {
		return long
	}
	return short
}

// adapt has the command line's numbers take the place of the plan's.
func (b *Bench) adapt(c drainCase) drainCase {
	c.rounds = cmp.Or(b.options.Rounds, c.rounds)
	c.orders = cmp.Or(b.options.Orders, c.orders)
	c.inFlight = cmp.Or(b.options.InFlight, c.inFlight)
	if b.options.Latency != nil {
		c.latency = *b.options.Latency
	}
	return c
}
