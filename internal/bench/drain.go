package bench

import (
	"context"
	"fmt"
	"time"
)

// drainCase is a measurement in which all orders are enqueued first, and a worker is started then.
type drainCase struct {
	name       string // of the measurement
	title      string
	rounds     int
	orders     int
	inFlight   int
	latency    time.Duration
	contenders []contender
}

func (c drainCase) String() string {
	return fmt.Sprintf("%s: %s orders, gateway %v, %d in flight", c.title, thousands(float64(c.orders), 0), c.latency, c.inFlight)
}

// drains measures, and prints the table.
func (b *Bench) drains(ctx context.Context, c drainCase) error {
	t, err := b.collect(ctx, b.adapt(c))
	if err != nil {
		return err
	}
	return t.print(b.options.Table)
}

// collect has the contenders take turns.
func (b *Bench) collect(ctx context.Context, c drainCase) (*table, error) {
	t := &table{title: fmt.Sprintf("%v; rounds: %d", c, c.rounds), metrics: drainMetrics}
	for round := range c.rounds {
		for _, of := range turn(c.contenders, round) {
			values, err := b.drain(ctx, of, c)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", of.name, round+1, err)
			}
			s := Sample{Measurement: c.name, Case: c.String(), Contender: of.name, Round: round + 1, Values: values}
			t.add(s)
			if err := b.record(s); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// drain is one run.
func (b *Bench) drain(ctx context.Context, of contender, c drainCase) (map[string]float64, error) {
	l, err := b.newLab(ctx, c.latency)
	if err != nil {
		return nil, err
	}
	defer l.close()
	d := drainRun{lab: l, of: of, n: c.orders}
	if err := d.enqueue(ctx); err != nil {
		return nil, err
	}
	if err := d.work(ctx, c.inFlight); err != nil {
		return nil, err
	}
	if err := d.end(ctx); err != nil {
		return nil, err
	}
	return d.values(), nil
}

// drainRun is a run as it goes on.
type drainRun struct {
	*lab
	of     contender
	n      int
	worker *process

	enqueued             time.Duration
	empty, open, settled float64 // memory that Redis uses, in bytes
	first, last          reading
	results              stream
	peak                 int
}

func (d *drainRun) enqueue(ctx context.Context) (err error) {
	if d.empty, err = d.redis.memory(ctx); err != nil {
		return err
	}
	if d.enqueued, err = d.lab.enqueue(d.of.name, d.of.enqueue(d.lab), d.n); err != nil {
		return err
	}
	d.open, err = d.redis.memory(ctx)
	return err
}

const (
	firstLook = time.Millisecond      // how often to look for the first link
	look      = 10 * time.Millisecond // and for the last one
	// defaultPatience is how long nothing may happen before what is missing is taken for lost.
	defaultPatience = 60 * time.Second
)

// work starts the worker and waits for all links. It takes readings while as many orders as it works at once are in work, at
// the first link and before the last ones: then no work of one link is counted for another.
func (d *drainRun) work(ctx context.Context, inFlight int) (err error) {
	if d.worker, err = d.lab.work(d.of.name, d.of.work(d.lab, inFlight), nil); err != nil {
		return err
	}
	done := func(ctx context.Context) (int, error) { return d.redis.done(ctx, d.of.results) }
	if err := d.until(ctx, 1, firstLook, done); err != nil {
		return err
	}
	if d.first, err = d.read(ctx, d.worker, done); err != nil {
		return err
	}
	if err := d.until(ctx, max(d.n-inFlight, d.n/2), look, done); err != nil {
		return err
	}
	if d.last, err = d.read(ctx, d.worker, done); err != nil {
		return err
	}
	return d.until(ctx, d.n, look, done)
}

// until waits for n orders to be done.
func (d *drainRun) until(ctx context.Context, n int, every time.Duration, done func(context.Context) (int, error)) error {
	last, moved := -1, time.Now()
	for {
		now, err := done(ctx)
		switch {
		case err != nil:
			return err
		case now >= n:
			return nil
		case now > last:
			last, moved = now, time.Now()
		case time.Since(moved) > d.bench.patience:
			return &VoidError{Why: fmt.Sprintf("%d of %d orders are done, and no more for %v; the worker said:\n%s", now, n, d.bench.patience, tail(d.worker.log))}
		}
		if err := d.worker.gone(); err != nil {
			return err
		}
		time.Sleep(every)
	}
}

// end stops the worker, so that whatever it still does is seen, and checks the links.
func (d *drainRun) end(ctx context.Context) (err error) {
	if d.peak, err = peakMemory(d.worker.pid()); err != nil {
		return err
	}
	if err := d.worker.stop(); err != nil {
		return err
	}
	if d.settled, err = d.redis.memory(ctx); err != nil || d.of.results == "" {
		return err
	}
	if d.results, err = d.redis.stream(ctx, d.of.results); err != nil {
		return err
	}
	return d.verify(ctx)
}

func (d *drainRun) verify(ctx context.Context) error {
	byRef, others, err := d.redis.published(ctx, d.of.results)
	if err != nil {
		return err
	}
	at, err := d.gatewayCounts(ctx)
	if err != nil {
		return err
	}
	if why := faults(d.n, byRef, others, at); why != "" {
		return &VoidError{Why: why}
	}
	return nil
}

// values are what the run measured. CPU times and counts are those between the readings; the time of all links is that
// from the first result to the last one, by their ids, which are Redis' clock.
func (d *drainRun) values() map[string]float64 {
	links := float64(d.last.done - d.first.done)
	per := func(a, b float64) float64 { return (b - a) / links }
	took := d.last.at.Sub(d.first.at)
	values := map[string]float64{
		drained:      links / took.Seconds(),
		enqueuedRate: float64(d.n) / d.enqueued.Seconds(),
		workerCPU:    1000 * per(d.first.worker.Seconds(), d.last.worker.Seconds()),
		redisCPU:     1000 * per(d.first.redis, d.last.redis),
		commands:     per(float64(d.first.calls.all), float64(d.last.calls.all)),
		scripts:      per(float64(d.first.calls.scripts), float64(d.last.calls.scripts)),
		peak:         float64(d.peak) / (1 << 20),
		openBytes:    (d.open - d.empty) / float64(d.n),
	}
	if d.of.results == "" {
		return values
	}
	values[gatewayCPU] = 1000 * per(d.first.gateway.Seconds(), d.last.gateway.Seconds())
	values[drained] = float64(d.n-1) / d.results.last.Sub(d.results.first).Seconds()
	values[resultBytes] = float64(d.results.bytes) / float64(d.n)
	values[settledBytes] = (d.settled-d.empty)/float64(d.n) - values[resultBytes]
	return values
}
