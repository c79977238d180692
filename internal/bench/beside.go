package bench

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// beside measures urgent orders that come one by one while many bulk orders wait.
func (b *Bench) beside(ctx context.Context) error {
	bulk := cmp.Or(b.options.Orders, b.size(25_000, 100_000))
	latencies := []time.Duration{20 * time.Millisecond, 150 * time.Millisecond}
	if b.options.Latency != nil {
		latencies = []time.Duration{*b.options.Latency}
	}
	t := &list{title: fmt.Sprintf("An urgent order while %s bulk orders wait, without the gateway's time", thousands(float64(bulk), 0)), metrics: latencyMetrics}
	for round, latency := range latencies {
		for _, c := range turn(b.contenders(Plain, Hpplink), round) {
			s, err := b.besideOf(ctx, c, latency, bulk)
			if err != nil {
				return fmt.Errorf("%s, gateway %v: %w", c.name, latency, err)
			}
			t.add(s)
			if err := b.record(s); err != nil {
				return err
			}
		}
	}
	return t.print(b.options.Table)
}

const (
	// besideLimit is how long a run may take that was not told to be measured at full size.
	besideLimit = 20 * time.Second
	// stillWaiting is the part of the bulk orders that has to wait yet for a sample to count.
	stillWaiting = 0.1
)

func (b *Bench) besideOf(ctx context.Context, of contender, latency time.Duration, bulk int) (sample Sample, err error) {
	s, err := b.newStand(ctx, of, latency, bulk)
	if err != nil {
		return sample, err
	}
	defer s.close()
	n := cmp.Or(b.options.Samples, 200)
	var series []float64
	for begun := time.Now(); len(series) < n && (b.options.Long || time.Since(begun) < besideLimit); {
		think(ctx)
		took, err := s.order(ctx, s.ways[0], latency)
		if err != nil {
			return sample, err
		}
		done, err := s.redis.done(ctx, of.results)
		if err != nil {
			return sample, err
		}
		if float64(bulk-done) < stillWaiting*float64(bulk) {
			break
		}
		series = append(series, took.Seconds()*1000)
	}
	return Sample{
		Measurement: "beside", Case: fmt.Sprintf("by %s, gateway %v", s.ways[0].name, latency), Contender: of.name, Round: 1,
		Values: latencyValues(series), Series: series,
	}, s.verify(ctx)
}
