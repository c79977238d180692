package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/sheet"
)

type bulkResultsCommand struct {
	Batch string `arg:"" help:"The batch."`

	atDesk
	config.SettingsFile
	config.Merchant
	bulkFile
	Input  string `placeholder:"FILE" help:"The batch's file: its rows and columns are in the result then."`
	Output string `placeholder:"FILE" help:"Where the result goes: .csv, .tsv, .xlsx or .jsonl. Default: beside --input, or, without that, to standard output."`
}

// Help gives examples.
func (bulkResultsCommand) Help() string {
	return `Examples:
  hpplink bulk results invoices-3f9a1c77 --input invoices.csv
  hpplink bulk results invoices-3f9a1c77 --output links.csv
  hpplink bulk results invoices-3f9a1c77 --json

Exit code 0: every row has its link; 1: some have none.`
}

// Run writes how the orders of a batch stand.
func (c *bulkResultsCommand) Run(ctx context.Context, s Streams) error {
	if _, ok := sheet.FormatOf(c.Output); c.Output != "" && !ok {
		return config.Errors{fmt.Errorf("--output: %s: take a name that ends with .csv, .tsv, .xlsx or .jsonl", c.Output)}
	}
	return c.do(ctx, s, func(d *bulk.Desk) error {
		if c.Input != "" {
			return c.ofFile(ctx, s)
		}
		b, err := d.Batch(ctx, c.Batch)
		if err != nil {
			return err
		}
		if c.Output == "" {
			err = c.list(ctx, s, d)
		} else {
			format, _ := sheet.FormatOf(c.Output)
			_, err = d.WriteOrders(ctx, c.Batch, c.Output, format)
		}
		if err == nil && b.Issued < b.Orders+b.Refused {
			err = errFailed
		}
		return err
	})
}

var bulkOrderHeader = []string{"MERCHANT", "REF", "STATE", "LINK, OR WHY THERE IS NONE"}

func (c *bulkResultsCommand) list(ctx context.Context, s Streams, d *bulk.Desk) error {
	t := &table{out: s.Out}
	return d.Orders(ctx, c.Batch, func(orders []bulk.Order) error {
		var rows [][]string
		for _, o := range orders {
			out := o.Outcome()
			if !c.JSON {
				rows = append(rows, []string{o.Key.MerchantID, o.Key.Ref, out.State, cmp.Or(out.Link, joined(out.ErrorCode, out.ErrorMessage), "-")})
			} else if err := writeJSON(s.Out, bulkOrder{
				MerchantID: o.Key.MerchantID, Ref: o.Key.Ref, State: out.State, URL: out.Link, LinkID: out.LinkID, Code: out.ErrorCode,
				Message: out.ErrorMessage, Attempts: out.Attempts, Uncertain: out.Uncertain, Email: out.EmailState,
			}); err != nil {
				return err
			}
		}
		return t.print(bulkOrderHeader, rows)
	})
}

// ofFile writes the result of a file as a run of it would.
func (c *bulkResultsCommand) ofFile(ctx context.Context, s Streams) error {
	options, err := c.options()
	if err != nil {
		return config.Errors{err}
	}
	merchants, err := c.SettingsFile.Defaults(c.Merchant)
	if err != nil {
		return err
	}
	base, err := openBase(ctx, c.Redis, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	send := &bulkSendCommand{File: c.Input, Output: c.Output, JSON: c.JSON}
	r := &bulkRun{
		bulkSendCommand: send, streams: s, in: &bulk.Input{Path: c.Input, Options: options},
		desk: &bulk.Desk{Ledger: base.Ledger, Door: base.Door(merchants)},
	}
	if r.plan, err = r.desk.Plan(ctx, r.in, bulk.Watch{}); err != nil {
		return inputError(err)
	}
	if r.plan.Batch != c.Batch {
		return config.Errors{fmt.Errorf("--input: %s is batch %s, not %s: give the file as it was handed in, under its name", c.Input, r.plan.Batch, c.Batch)}
	}
	path, format, _ := r.outputs()
	if same(path, c.Input) && !r.plan.Info.Result {
		return config.Errors{errors.New("--output: it is the input: choose another file")}
	}
	result, err := r.desk.WriteResult(ctx, r.in, r.plan, path, format)
	if err == nil {
		err = r.tellResult(result, path, false)
	}
	if err == nil && !result.Complete() {
		err = errFailed
	}
	return err
}
