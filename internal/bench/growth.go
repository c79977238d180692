package bench

import (
	"cmp"
	"context"
	"fmt"
)

var growthMetrics = []metric{
	{drained, "links/s", 0, false},
	{workerCPU, "worker CPU s/1k", 3, false},
	{redisCPU, "Redis CPU s/1k", 3, false},
	{commands, "commands/link", 2, false},
	{peak, "worker MiB", 0, false},
}

// growth drains ever more open orders: nothing about one of them may cost more when there are more of them.
func (b *Bench) growth(ctx context.Context) error {
	t := &list{title: "Drain by open orders, gateway 0s, 100 in flight", metrics: growthMetrics}
	most := cmp.Or(b.options.Orders, 1_000_000)
	for round := range cmp.Or(b.options.Rounds, 3) {
		for orders := 1000; orders <= most; orders *= 10 {
			for _, of := range turn(b.contenders(Hpplink), round) {
				values, err := b.drain(ctx, of, drainCase{orders: orders, inFlight: 100})
				if err != nil {
					return fmt.Errorf("%s, %d orders: %w", of.name, orders, err)
				}
				s := Sample{Measurement: "growth", Case: thousands(float64(orders), 0) + " open", Contender: of.name, Round: round + 1, Values: values}
				t.add(s)
				if err := b.record(s); err != nil {
					return err
				}
			}
		}
	}
	return t.print(b.options.Table)
}
