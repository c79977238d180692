package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
)

// latestBatches is how many batches are listed.
const latestBatches = 20

// atDesk is what the commands about a batch have in common.
type atDesk struct {
	config.Redis
	JSON bool `name:"json" help:"One JSON object a line."`
}

// do opens the desk for as long as f takes.
func (c *atDesk) do(ctx context.Context, s Streams, f func(*bulk.Desk) error) error {
	if err := c.Redis.CheckShared(); err != nil {
		return err
	}
	base, err := openBase(ctx, c.Redis, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	return told(s, f(&bulk.Desk{Ledger: base.Ledger}))
}

// told tells of a batch that nobody knows.
func told(s Streams, err error) error {
	if unknown, ok := errors.AsType[*bulk.UnknownBatchError](err); ok {
		fmt.Fprintln(s.Err, "hpplink:", unknown)
		return errFailed
	}
	return err
}

type bulkStatusCommand struct {
	Batch string `arg:"" optional:"" help:"The batch. Without one, the latest are listed."`
	atDesk
}

// Run shows batches.
func (c *bulkStatusCommand) Run(ctx context.Context, s Streams) error {
	return c.do(ctx, s, func(d *bulk.Desk) error {
		if c.Batch == "" {
			return c.list(ctx, s, d)
		}
		b, err := d.Batch(ctx, c.Batch)
		if err != nil {
			return err
		}
		why, err := d.Why(ctx, b)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(s.Out, batchOf(b, why.Why))
		}
		return printBatch(s.Out, b, why)
	})
}

var batchHeader = []string{"BATCH", "STATE", "ORDERS", "ISSUED", "WAITING", "FAILED", "OPENED"}

func (c *bulkStatusCommand) list(ctx context.Context, s Streams, d *bulk.Desk) error {
	all, err := d.Ledger.Batches(ctx, latestBatches)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, b := range all {
		if c.JSON {
			if err := writeJSON(s.Out, batchOf(b, "")); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{
			b.ID, stateWord(b.State), number(b.Orders), number(b.Issued), number(b.Open), number(b.Failed),
			b.Created.Local().Format("01-02 15:04"),
		})
	}
	if len(all) == 0 && !c.JSON {
		fmt.Fprintln(s.Err, "no batches yet")
	}
	return (&table{out: s.Out, cut: terminalWidth(s.Out)}).print(batchHeader, rows)
}

// stateWord is a state for people.
func stateWord(s ledger.BatchState) string {
	if s == ledger.BatchPartly {
		return "partly"
	}
	return string(s)
}

func printBatch(w io.Writer, b ledger.Batch, why bulk.Waiting) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	state := stateWord(b.State)
	if b.State == ledger.BatchRunning && !b.Sealed {
		state += "; not all of its orders are in: hand its file in again to go on"
	} else if b.State == ledger.BatchRunning && b.Cancelled {
		state += "; it was cancelled, and some orders are under way yet"
	}
	next := clock(why.NextTry)
	for _, row := range [][2]string{
		{"batch", b.ID}, {"file", b.Label}, {"state", state}, {"orders", number(b.Orders)}, {"issued", number(b.Issued)}, {"waiting", number(b.Open)},
		{"failed", number(b.Failed)}, {"refused", number(b.Refused)}, {"run", number(b.Run)}, {"opened", clock(b.Created)}, {"ended", clock(b.Finished)},
		{"waits", why.Why}, {"next try", next},
	} {
		if row[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
		}
	}
	return t.Flush()
}

type bulkWaitCommand struct {
	Batch string `arg:"" help:"The batch."`
	atDesk
}

// Help tells of the exit codes.
func (bulkWaitCommand) Help() string {
	return `It returns once no order of the batch waits for its link any more.
Exit code 0: every row has its link; 1: some failed or were refused, or it was interrupted.`
}

// Run waits.
func (c *bulkWaitCommand) Run(ctx context.Context, s Streams) error {
	return c.do(ctx, s, func(d *bulk.Desk) error {
		progress := newBulkProgress(s)
		b, err := d.Follow(ctx, c.Batch, progress.standing)
		progress.end()
		if ctx.Err() != nil {
			fmt.Fprintf(s.Err, "interrupted: the orders are worked on all the same; 'hpplink bulk wait %s' goes on waiting\n", c.Batch)
			return errFailed
		}
		if err != nil {
			return err
		}
		if c.JSON {
			err = writeJSON(s.Out, batchOf(b, ""))
		} else {
			_, err = fmt.Fprintf(s.Out, "batch %s: %s issued, %s failed, %s refused\n", b.ID, number(b.Issued), number(b.Failed), number(b.Refused))
		}
		if err == nil && b.State != ledger.BatchSucceeded {
			err = errFailed
		}
		return err
	})
}

type bulkCancelCommand struct {
	Batch string `arg:"" help:"The batch."`
	atDesk
	Yes bool `short:"y" help:"Do not ask."`
}

// Help tells what stays.
func (bulkCancelCommand) Help() string {
	return `Orders that were never sent to the gateway end as failed, with the code 'cancelled'. What has its
link keeps it; what is under way, or was tried before, is left alone, and so is what another batch
holds as well. 'hpplink bulk FILE --retry-failed' takes the cancelled ones up again.`
}

// Run gives a batch up.
func (c *bulkCancelCommand) Run(ctx context.Context, s Streams) error {
	if !c.Yes && !s.canAsk() {
		return config.Errors{errors.New("there is no terminal to ask whether to cancel: add --yes")}
	}
	return c.do(ctx, s, func(d *bulk.Desk) error {
		b, err := d.Batch(ctx, c.Batch)
		if err != nil {
			return err
		}
		if !c.Yes {
			yes, err := s.ask(ctx, fmt.Sprintf("cancel %s of batch %s that wait? [y/N] ", countedOrders(b.Open), b.ID))
			if !yes {
				fmt.Fprintln(s.Err, "nothing was changed")
				return errors.Join(err, errFailed)
			}
		}
		n, b, err := d.Cancel(ctx, c.Batch)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(s.Out, batchOf(b, ""))
		}
		_, err = fmt.Fprintf(s.Out, "%s cancelled, %s with their link, %s under way or uncertain and left alone\n", countedOrders(n), number(b.Issued), number(b.Open))
		return err
	})
}
