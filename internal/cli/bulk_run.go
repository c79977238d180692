package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/sheet"
)

// bulkRun is one file on its way.
type bulkRun struct {
	*bulkSendCommand
	streams Streams
	in      *bulk.Input
	desk    *bulk.Desk
	plan    *bulk.Plan
}

func (r *bulkRun) run(ctx context.Context) error {
	if err := r.makePlan(ctx); err != nil {
		return inputError(err)
	}
	if err := r.tellPlan(); err != nil {
		return err
	}
	if yes, err := r.mayGo(ctx); !yes {
		return err
	}
	b, err := r.send(ctx)
	if err == nil && b.ID != "" && !r.Detach {
		err = r.follow(ctx, b)
	}
	if redisconn.IsAway(err) && ctx.Err() == nil {
		return fmt.Errorf("%w\nwhat was handed in is safe: run the same command again to go on", err)
	}
	return r.end(ctx, b, err)
}

// inputError makes what is wrong with the file a matter of wrong usage.
func inputError(err error) error {
	var file *sheet.FileError
	var header *sheet.HeaderError
	var path *fs.PathError
	if errors.As(err, &file) || errors.As(err, &header) || errors.As(err, &path) {
		return config.Errors{err}
	}
	return err
}

func (r *bulkRun) makePlan(ctx context.Context) error {
	problems := newProblemFile(problemsPath(r.File, r.Output))
	defer problems.drop()
	progress := newBulkProgress(r.streams)
	checked := func(rows int) {
		makeRoom(rows)
		progress.checked(rows)
	}
	plan, err := r.desk.Plan(ctx, r.in, bulk.Watch{Rows: checked, Finding: problems.write})
	progress.end()
	if ctx.Err() != nil {
		fmt.Fprintln(r.streams.Err, "interrupted while the file was checked: nothing was sent")
		return errFailed
	}
	if err != nil {
		return err
	}
	if r.plan = plan; r.SaveMapping != "" {
		if err := sheet.MappingOf(plan.Columns).Save(r.SaveMapping); err != nil {
			return config.Errors{fmt.Errorf("--save-mapping: %w", err)}
		}
	}
	return problems.keep()
}

// mayGo decides whether anything is sent, and with which error it ends if not.
func (r *bulkRun) mayGo(ctx context.Context) (bool, error) {
	p := r.plan
	bad := p.Invalid + p.Clashes
	todo := p.ToSend() + p.ToRetry(r.retry())
	switch {
	case p.Rows == 0:
		return false, config.Errors{errors.New("the file has no row below its header: nothing was sent")}
	case bad > 0 && !r.SkipInvalid:
		return false, config.Errors{fmt.Errorf("%s can not be sent, so nothing was: correct the file, or leave such rows out with --skip-invalid", countedRows(bad))}
	case bad == p.Rows:
		return false, config.Errors{errors.New("no row can be sent: correct the file")}
	case r.DryRun && (bad+p.Conflicts > 0):
		return false, errFailed
	case r.DryRun:
		return false, nil
	case todo == 0 || r.Yes:
		return true, nil
	case r.File == "-" || !r.streams.canAsk():
		return false, config.Errors{errors.New("there is no terminal to ask whether to send: add --yes, or --dry-run to only check the file")}
	}
	yes, err := r.streams.ask(ctx, fmt.Sprintf("send %s? [y/N] ", countedOrders(todo)))
	if !yes {
		fmt.Fprintln(r.streams.Err, "nothing was sent")
		err = errFailed
	}
	return yes, err
}

func (r *bulkRun) retry() bulk.Retry {
	return bulk.Retry{Failed: r.RetryFailed, Uncertain: r.Uncertain}
}

func (r *bulkRun) send(ctx context.Context) (ledger.Batch, error) {
	progress := newBulkProgress(r.streams)
	defer progress.end()
	return r.desk.Send(ctx, r.in, r.plan, r.retry(), func(s bulk.Sent) { progress.sent(s, r.plan.Rows) })
}

func (r *bulkRun) follow(ctx context.Context, b ledger.Batch) error {
	progress := newBulkProgress(r.streams)
	defer progress.end()
	_, err := r.desk.Follow(ctx, b.ID, progress.standing)
	return err
}

// resultBound is how long the result of an interrupted run may take; another Ctrl-C ends it at once.
const resultBound = 10 * time.Minute

// end writes the result, also of a run that was interrupted, and sums up.
func (r *bulkRun) end(ctx context.Context, b ledger.Batch, err error) error {
	interrupted := ctx.Err() != nil
	if err != nil && !interrupted && !errors.Is(err, bulk.ErrClosed) && !errors.Is(err, bulk.ErrStillCancelling) {
		return err
	}
	if r.Detach && err == nil {
		return r.detached(b)
	}
	if interrupted {
		fmt.Fprintln(r.streams.Err, "interrupted: writing what is known by now; Ctrl-C again leaves that out")
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), resultBound)
	defer cancel()
	path, format, _ := r.outputs()
	result, failed := r.desk.WriteResult(own, r.in, r.plan, path, format)
	if failed != nil {
		return failed
	}
	if err := r.tellResult(result, path, interrupted); err != nil {
		return err
	}
	if interrupted || err == nil && !result.Complete() {
		return errFailed
	}
	return err
}

func (r *bulkRun) detached(b ledger.Batch) error {
	if r.JSON {
		if err := writeJSON(r.streams.Out, batchOf(b, "")); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(r.streams.Out, "batch %s is handed in: %s wait\n  hpplink bulk wait %s\n  hpplink bulk results %s --input %s\n",
			b.ID, countedOrders(b.Open), b.ID, b.ID, r.File)
	}
	if r.plan.Refused() > 0 {
		return errFailed
	}
	return nil
}
