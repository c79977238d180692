package app

import (
	"context"
	"sync"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/metrics"
	"github.com/hpplink/hpplink/internal/minutes"
	"github.com/hpplink/hpplink/internal/worker"
)

// Watch begins to count what the process does, for /metrics and for the pages. Call it before anything else begins.
func (b *Base) Watch(m *merchant.Directory, version string) {
	b.metrics = metrics.New(metrics.Config{
		Redis: b.Redis, Ledger: b.Ledger, Merchants: m, Version: version, Log: b.Log,
	})
	b.Count()
}

// Count begins to count, for the pages alone, what comes in at doors that are opened from now on. What is left is added to Redis
// when the Base is closed.
func (b *Base) Count() {
	b.minutes = minutes.NewRecorder(b.Redis.Client(), b.Ledger.Keys().Minutes(), b.Log)
	running, stop := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	loop.Go(func() { b.minutes.Run(running) })
	b.steps.add("minutes", func() error {
		stop()
		loop.Wait()
		return nil
	})
}

// observers are those who count what workers do.
func (b *Base) observers() (all []worker.Observer) {
	if observed && b.metrics != nil {
		all = append(all, b.metrics)
	}
	if observed && b.minutes != nil {
		all = append(all, b.minutes)
	}
	return all
}

// watched has a door observed by those who count what comes in.
func (b *Base) watched(d *intake.Door) *intake.Door {
	if observed && b.metrics != nil {
		d.Observe(b.metrics.Received)
	}
	if observed && b.minutes != nil {
		d.Observe(b.minutes.Received)
	}
	return d
}

// redisPart is ready while Redis answers; in a cluster, the master that has the ledger.
func (b *Base) redisPart() api.Part {
	return api.Part{Name: "redis", Ready: func(ctx context.Context) error {
		return b.Redis.Client().Exists(ctx, b.Ledger.Keys().Results()).Err()
	}}
}
