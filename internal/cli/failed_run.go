package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
)

// parallelSteps is how many orders are worked on at once.
const parallelSteps = 16

// failedStep is what is done with each failed order that was chosen.
type failedStep struct {
	verb, past string // "replay", "replayed"
	asksAlways bool   // it is confirmed even for one order, or for orders that were named

	// do returns the generation that it left the order in. The error is ledger.ErrStale when the
	// order had moved on.
	do func(context.Context, desk, ledger.FailedOrder) (int, error)
}

// desk is what a step works with.
type desk struct {
	*app.Base
	door *intake.Door
}

// failedRun takes one step with all the orders of one choice.
type failedRun struct {
	*failedChoice
	failedStep
	desk    desk
	streams Streams
	names   []failedName
	cutoff  time.Time // orders that failed at it or later are not of this run

	chosen, done, gone, left int
}

// run takes a step with every order that was chosen, and tells what became of each.
func (c *failedChoice) run(ctx context.Context, s Streams, step failedStep) error {
	if err := c.check(s, step); err != nil {
		return err
	}
	names, err := c.names(s.In)
	if err != nil {
		return err
	}
	base, err := openBase(ctx, c.Redis, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	r := &failedRun{failedChoice: c, failedStep: step, desk: desk{base, base.Door(nil)}, streams: s, names: names}
	if r.cutoff, err = base.Ledger.Cutoff(ctx); err != nil {
		return err
	}
	yes, err := r.confirmed(ctx)
	if err == nil && !yes {
		fmt.Fprintln(s.Err, "nothing was changed")
		return errFailed
	}
	if err == nil {
		err = r.each(ctx, r.page)
	}
	return r.end(ctx, err)
}

// each calls page with the candidates: those named, or those that the filters choose.
func (r *failedRun) each(ctx context.Context, page func(context.Context, []candidate) error) error {
	if r.named() {
		return eachNamed(ctx, r.listOf(r.desk.Ledger), r.names, r.cutoff, page)
	}
	return r.failedFilter.each(ctx, r.desk.Ledger, r.cutoff, func(orders []ledger.FailedOrder) error {
		all := make([]candidate, len(orders))
		for i, o := range orders {
			all[i].FailedOrder = o
		}
		return page(ctx, all)
	})
}

// page takes the step with the orders of a page, many at once, and prints what became of each.
// What has begun is brought to its end even when the run is interrupted, so that the count is right.
func (r *failedRun) page(ctx context.Context, page []candidate) error {
	outcomes := make([]failedOutcome, len(page))
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(parallelSteps)
	for i, o := range page {
		if r.enough() {
			outcomes = outcomes[:i]
			break
		}
		if outcomes[i] = r.outcome(o); outcomes[i].Status != outcomeChosen {
			continue
		}
		if r.chosen++; r.DryRun {
			continue
		}
		group.Go(func() (err error) {
			if outcomes[i] = (failedOutcome{}); working.Err() == nil {
				outcomes[i], err = r.take(context.WithoutCancel(ctx), o.FailedOrder)
			}
			return err
		})
	}
	err := group.Wait()
	if err := errors.Join(err, r.print(outcomes), ctx.Err()); err != nil {
		return err
	}
	if r.enough() {
		return errEnough
	}
	return nil
}

func (r *failedRun) enough() bool { return r.Limit > 0 && r.chosen >= r.Limit }

// take takes the step with one order.
func (r *failedRun) take(ctx context.Context, o ledger.FailedOrder) (failedOutcome, error) {
	generation, err := r.do(ctx, r.desk, o)
	out := failedOutcome{Status: r.past, MerchantID: o.Key.MerchantID, Ref: o.Key.Ref, Generation: generation}
	if errors.Is(err, ledger.ErrStale) {
		out.Status, out.Generation, out.Message = outcomeGone, 0, "somebody else was faster"
		return out, nil
	}
	if err != nil {
		return failedOutcome{}, err
	}
	return out, nil
}

// doubt says why some are left out, and what to do about it first.
func (r *failedRun) doubt() string {
	if r.Email {
		return "the customer may have the email; ask or look at the mail server"
	}
	return "a link may exist at the gateway; look there"
}

func (r *failedRun) print(outcomes []failedOutcome) error {
	for _, o := range outcomes {
		switch o.Status {
		case "": // not begun, or nobody knows
			continue
		case outcomeGone:
			r.gone++
		case outcomeLeftOut:
			r.left++
		default:
			r.done++
		}
		if err := o.print(r.streams.Out, r.JSON); err != nil {
			return err
		}
	}
	return nil
}

// end sums up, and turns what was done into an exit code.
func (r *failedRun) end(ctx context.Context, err error) error {
	sum := fmt.Sprintf("%d %s", r.done, r.past)
	if r.DryRun {
		sum = fmt.Sprintf("%d would be %s; nothing was changed", r.done, r.past)
	}
	if r.gone > 0 {
		sum += fmt.Sprintf(", %d gone", r.gone)
	}
	interrupted := ctx.Err() != nil
	if interrupted {
		sum = "interrupted: " + sum + "; run it again to go on"
	}
	if r.left > 0 {
		sum += fmt.Sprintf("\n%d left out: %s, then %s with --uncertain", r.left, r.doubt(), r.verb)
	}
	if interrupted || r.left > 0 || r.done+r.gone != 1 {
		fmt.Fprintln(r.streams.Err, sum)
	}
	switch {
	case interrupted:
		return errFailed
	case err != nil:
		return err
	case r.gone+r.left > 0:
		return errFailed
	}
	return nil
}
