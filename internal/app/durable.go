package app

import (
	"context"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
)

// Durable has nothing told before all replicas of Redis have it: neither that an order is accepted, nor its link. It is to be called
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
	b.Ledger = b.Ledger.Durable(ledger.ReplicaTimeout, b.Redis.Named())
	if err := b.Ledger.LookForReplicas(ctx); err != nil {
		return err
	}
	b.durable = true
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.publishAll(running)
	}()
	b.steps.add("publishers", func() error {
		stop()
		<-ended
		return nil
	})
	return nil
}

// publishersLook is how often it is looked whether there are more partitions: a publisher learns, too, who their replicas are.
const publishersLook = time.Second

// publishAll publishes what each partition has in its outbox, until the context ends.
func (b *Base) publishAll(ctx context.Context) {
	var loops sync.WaitGroup
	defer loops.Wait()
	ticker := time.NewTicker(publishersLook)
	defer ticker.Stop()
	published := map[*ledger.Ledger]bool{}
	for {
		for _, l := range b.Ledger.All() {
			if !published[l] {
				published[l] = true
				loops.Go(func() { l.Publisher(b.Log).Run(ctx) })
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
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
