package bench

import (
	"context"
	"fmt"
)

// mostWorkerCPU is the bound of hpplink's CPU time for a link, in that of the plain worker.
const mostWorkerCPU = 0.8

// BoundError says that a bound was passed.
type BoundError struct{ Of spread }

func (e *BoundError) Error() string {
	return fmt.Sprintf("hpplink's worker takes %s of the plain worker's CPU time for a link: more than %.2f", e.Of.format(2), mostWorkerCPU)
}

// Check measures a short drain of the plain worker and hpplink in turn, and returns a *BoundError when hpplink takes too much
// CPU time. That is compared because it depends least on what else the machine does.
func (b *Bench) Check(ctx context.Context) error {
	if err := b.head(ctx); err != nil {
		return err
	}
	t, err := b.collect(ctx, b.adapt(drainCase{
		name: "check", title: "Drain", contenders: b.contenders(Plain, Hpplink), rounds: 3, orders: 8000, inFlight: 100,
	}))
	if err != nil {
		return err
	}
	if err := t.print(b.options.Table); err != nil {
		return err
	}
	s := spreadOf(ratios(t.samples[Hpplink], t.samples[Plain], workerCPU))
	if s.n == 0 || s.median > mostWorkerCPU {
		fmt.Fprintf(b.options.Table, "\nFAIL: %v\n", &BoundError{s})
		return &BoundError{s}
	}
	fmt.Fprintf(b.options.Table, "\nPASS: worker CPU for a link, hpplink / plain: %s; at most %.2f\n", s.format(2), mostWorkerCPU)
	return nil
}
