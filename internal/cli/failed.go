package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
)

type failedCommand struct {
	List    failedListCommand    `cmd:"" help:"List them, oldest first."`
	Replay  failedReplayCommand  `cmd:"" help:"Try them again, as they were handed in."`
	Discard failedDiscardCommand `cmd:"" help:"Give them up for good, and drop what they held."`
}

type failedListCommand struct {
	config.Redis
	failedFilter
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (failedListCommand) Help() string {
	return `Examples:
  hpplink failed list
  hpplink failed list --code rejected --younger-than 1d
  hpplink failed list --json >failed.ndjson
  hpplink failed list --email

Failed orders are kept until they are replayed, corrected (handed in again with other content) or
discarded. An order is UNCERTAIN when a link that nobody was shown may exist at the gateway, an email
when the customer may have it all the same.`
}

// Run lists the orders that had failed when it began.
func (c *failedListCommand) Run(ctx context.Context, s Streams) error {
	if err := errors.Join(c.Redis.CheckShared(), c.failedFilter.check()); err != nil {
		return err
	}
	base, err := app.Open(ctx, c.Redis.Redis, c.Namespace, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	t := &table{out: s.Out, cut: terminalWidth(s.Out)}
	listed := 0
	err = c.list(ctx, base.Ledger, func(page []ledger.FailedOrder) error {
		if c.Limit > 0 {
			page = page[:min(len(page), c.Limit-listed)]
		}
		listed += len(page)
		err := c.print(s, t, page)
		if err == nil && c.Limit > 0 && listed == c.Limit {
			err = errEnough
		}
		return err
	})
	return c.end(ctx, s, base, listed, err)
}

func (c *failedListCommand) list(ctx context.Context, l *partition.Ledger, f func([]ledger.FailedOrder) error) error {
	cutoff, err := l.Cutoff(ctx)
	if err != nil {
		return err
	}
	return c.each(ctx, l, cutoff, f)
}

func (c *failedListCommand) end(ctx context.Context, s Streams, base *app.Base, listed int, err error) error {
	switch {
	case ctx.Err() != nil:
		fmt.Fprintf(s.Err, "interrupted after %s\n", counted(listed, c.noun()))
		return errFailed
	case err != nil:
		return err
	case !c.JSON:
		fmt.Fprintln(s.Err, counted(listed, c.noun()))
	}
	return nil
}

// failedJSON is a failed order for machines.
type failedJSON struct {
	MerchantID string     `json:"merchant_id"`
	Ref        string     `json:"merchant_txn_ref"`
	Generation int        `json:"generation"`
	Lane       order.Lane `json:"lane"`
	Code       string     `json:"code"`
	Message    string     `json:"message"`
	Attempts   int        `json:"attempts"`
	Uncertain  bool       `json:"uncertain"`
	FailedAt   time.Time  `json:"failed_at"`
}

var failedHeader = []string{"FAILED AT", "MERCHANT", "REF", "CODE", "ATTEMPTS", "UNCERTAIN", "MESSAGE"}

func (c *failedListCommand) print(s Streams, t *table, page []ledger.FailedOrder) error {
	var rows [][]string
	for _, o := range page {
		if !c.JSON {
			rows = append(rows, failedRow(o))
			continue
		}
		if err := writeJSON(s.Out, failedJSON{
			MerchantID: o.Key.MerchantID, Ref: o.Key.Ref, Generation: o.Generation, Lane: o.Lane, Code: o.Code,
			Message: o.Message, Attempts: o.Attempts, Uncertain: o.Uncertain, FailedAt: o.FailedAt.UTC(),
		}); err != nil {
			return err
		}
	}
	return t.print(failedHeader, rows)
}

func failedRow(o ledger.FailedOrder) []string {
	uncertain := "-"
	if o.Uncertain {
		uncertain = "yes"
	}
	return []string{
		o.FailedAt.Local().Format("2006-01-02 15:04:05"), o.Key.MerchantID, o.Key.Ref, o.Code, fmt.Sprint(o.Attempts), uncertain, o.Message,
	}
}
