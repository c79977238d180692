package bench

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// The values of an idle contender.
const (
	idleCommands  = "redis_commands_per_s"
	idleScripts   = "scripts_per_s"
	idleWorkerCPU = "worker_cpu_percent"
	idleRedisCPU  = "redis_cpu_percent"
)

var idleMetrics = []metric{
	{idleCommands, "Redis commands/s", 1, false},
	{idleScripts, "scripts sent/s", 1, false},
	{idleWorkerCPU, "worker CPU, %", 1, false},
	{idleRedisCPU, "Redis CPU, %", 1, false},
}

const (
	settling = 3 * time.Second // after the start, before it counts
	idleFor  = 10 * time.Second
)

// idle measures what contenders do while there is nothing to do. They do it beside each other.
func (b *Bench) idle(ctx context.Context) error {
	t := &list{title: fmt.Sprintf("Idle for %v (hpplink: all its roles; CPU in %% of one core)", idleFor), metrics: idleMetrics}
	for round := range cmp.Or(b.options.Rounds, b.size(1, 5)) {
		err := b.besideEachOther(t, b.contenders(Hpplink, Plain, Bare), func(of contender) ([]Sample, error) {
			values, err := b.idleOf(ctx, of)
			return []Sample{{Measurement: "idle", Contender: of.name, Round: round + 1, Values: values}}, err
		})
		if err != nil {
			return err
		}
	}
	return t.print(b.options.Table)
}

func (b *Bench) idleOf(ctx context.Context, of contender) (map[string]float64, error) {
	s, err := b.newStand(ctx, of, 0, 0)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.ended() // nobody waits for a link
	pause(ctx, settling)
	nothing := func(context.Context) (int, error) { return 0, nil }
	first, err := s.read(ctx, s.worker, nothing)
	if err != nil {
		return nil, err
	}
	pause(ctx, idleFor)
	last, err := s.read(ctx, s.worker, nothing)
	if err != nil {
		return nil, err
	}
	per := func(a, b float64) float64 { return (b - a) / last.at.Sub(first.at).Seconds() }
	return map[string]float64{
		idleCommands:  per(float64(first.calls.all), float64(last.calls.all)),
		idleScripts:   per(float64(first.calls.scripts), float64(last.calls.scripts)),
		idleWorkerCPU: 100 * per(first.worker.Seconds(), last.worker.Seconds()),
		idleRedisCPU:  100 * per(first.redis, last.redis),
	}, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
