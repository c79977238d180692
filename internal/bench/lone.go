package bench

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// The values of latencies.
const (
	p50Latency = "p50_ms"
	p99Latency = "p99_ms"
	maxLatency = "max_ms"
	samplesOf  = "samples"
)

var latencyMetrics = []metric{
	{p50Latency, "p50 ms", 1, false},
	{p99Latency, "p99 ms", 1, false},
	{maxLatency, "most ms", 1, false},
	{samplesOf, "samples", 0, false},
}

// think is the pause before an order: it has nothing to do with when workers look for tasks.
func think(ctx context.Context) { pause(ctx, 20*time.Millisecond+rand.N(180*time.Millisecond)) }

func latencyValues(series []float64) map[string]float64 {
	if len(series) == 0 {
		return map[string]float64{samplesOf: 0}
	}
	sorted := slices.Sorted(slices.Values(series))
	return map[string]float64{
		p50Latency: quantile(sorted, 0.5), p99Latency: quantile(sorted, 0.99), maxLatency: quantile(sorted, 1),
		samplesOf: float64(len(sorted)),
	}
}

// lone measures orders that come alone, from being handed in until the link is out. The contenders stand beside each other,
// each with a Redis of its own: all but one of them sleep at any moment, and taking turns they would need a quarter of an hour.
func (b *Bench) lone(ctx context.Context) error {
	n := cmp.Or(b.options.Samples, b.size(200, 1000))
	var latency time.Duration
	if b.options.Latency != nil {
		latency = *b.options.Latency
	}
	t := &list{title: fmt.Sprintf("A lone order, enqueue to published, without the gateway's %v", latency), metrics: latencyMetrics}
	err := b.besideEachOther(t, b.contenders(Hpplink, Plain, Bare), func(of contender) ([]Sample, error) {
		return b.loneOf(ctx, of, latency, n)
	})
	if err != nil {
		return err
	}
	return t.print(b.options.Table)
}

// besideEachOther measures contenders at the same time, and adds what they did in their order.
func (b *Bench) besideEachOther(t *list, all []contender, measure func(contender) ([]Sample, error)) error {
	samples, errs := make([][]Sample, len(all)), make([]error, len(all))
	var group sync.WaitGroup
	for i, of := range all {
		group.Go(func() { samples[i], errs[i] = measure(of) })
	}
	group.Wait()
	for i, of := range all {
		if errs[i] != nil {
			return fmt.Errorf("%s: %w", of.name, errs[i])
		}
		for _, s := range samples[i] {
			t.add(s)
			if err := b.record(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// loneLimit is how long a contender may take that was not told to be measured at full size.
const loneLimit = 100 * time.Second

// loneOf measures one contender: n orders by each of its ways, in turn.
func (b *Bench) loneOf(ctx context.Context, of contender, latency time.Duration, n int) ([]Sample, error) {
	s, err := b.newStand(ctx, of, latency, 0)
	if err != nil {
		return nil, err
	}
	defer s.close()
	series := make([][]float64, len(s.ways))
	for begun := time.Now(); len(series[len(series)-1]) < n && (b.options.Long || time.Since(begun) < loneLimit); {
		for i, by := range s.ways {
			think(ctx)
			took, err := s.order(ctx, by, latency)
			if err != nil {
				return nil, err
			}
			series[i] = append(series[i], took.Seconds()*1000)
		}
	}
	samples := make([]Sample, len(s.ways))
	for i, by := range s.ways {
		samples[i] = Sample{
			Measurement: "lone", Case: "by " + by.name, Contender: of.name, Round: 1,
			Values: latencyValues(series[i]), Series: series[i],
		}
	}
	return samples, s.verify(ctx)
}
