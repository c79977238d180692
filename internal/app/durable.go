package app

import (
	"context"
	"sync"

	"github.com/hpplink/hpplink/internal/ledger"
)

// Durable has nothing told before a replica of Redis has it: neither that an order is accepted, nor its link. It is to be called
// before anything is started, by everybody who takes orders or publishes. A Redis that has no replica now is warned of: one may be
// restarting.
func (b *Base) Durable(ctx context.Context) error {
	report, err := b.Redis.Check(ctx)
	if err != nil {
		return err
	}
	if report.Replicas == 0 {
		b.Log.Warn("--durability=replica, and Redis has no replica: until one is connected no order is acknowledged and no link is published")
	}
	b.Ledger = b.Ledger.Durable(ledger.ReplicaTimeout)
	b.durable = true
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	for _, l := range b.Ledger.All() {
		loops.Go(func() { l.Publisher(b.Log).Run(running) })
	}
	b.steps.add("publishers", func() error {
		stop()
		loops.Wait()
		return nil
	})
	return nil
}

// publishLeft publishes, once, what a process that waited for replicas left behind, where this one does not.
func (b *Base) publishLeft(ctx context.Context) error {
	if b.durable {
		return nil
	}
	n, err := b.Ledger.PublishLeft(ctx)
	if n > 0 {
		b.Log.Warn("results were published that had waited for a replica: this process runs with --durability=master, set it alike for all", "results", n)
	}
	return err
}
