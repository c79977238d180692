package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

type openEndCommand struct {
	Refs []string `arg:"" optional:"" name:"ref" help:"The orders' merchant_txn_ref. Their merchant is --merchant-id or HPPLINK_MERCHANT_ID."`

	config.Redis
	openFilter
	File         string `placeholder:"FILE" help:"Those named in a file: one ref a line, or what 'open list --json' prints. '-' is standard input."`
	All          bool   `help:"Every open order, or those that --merchant-id and --older-than leave."`
	LinkMayExist bool   `help:"The gateway may have made a link, as after a backup was restored: they fail as possibly_issued, and only an explicit replay asks it again."`
	DryRun       bool   `help:"Only show which orders it would be."`
	Yes          bool   `short:"y" help:"Do not ask."`
	JSON         bool   `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (openEndCommand) Help() string {
	return `Examples:
  hpplink open end INV-1 --merchant-id M-1001 --yes
  hpplink open end --all --link-may-exist --yes
  hpplink open end --all --older-than 1d --dry-run

They fail, as their result says, and 'hpplink failed' lists and replays them. Each gets a line: ended; busy (a worker holds
it: try again); or gone (it is settled). An order whose link is issued and whose email is owed is left as it is.
Exit code 0: all are ended; 1: some are not.`
}

const endedByHand = "ended by hand"

// ending is one run of the command.
type ending struct {
	*openEndCommand
	base    *app.Base
	streams Streams

	done, left int
}

// Run ends open orders.
func (c *openEndCommand) Run(ctx context.Context, s Streams) error {
	if err := c.check(s); err != nil {
		return err
	}
	base, err := openBase(ctx, c.Redis, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	e := &ending{openEndCommand: c, base: base, streams: s}
	orders, err := e.chosen(ctx)
	if err != nil {
		return err
	}
	if yes, err := e.confirmed(ctx, len(orders)); err != nil || !yes {
		fmt.Fprintln(s.Err, "nothing was changed")
		return errors.Join(err, errFailed)
	}
	for _, o := range orders {
		if err := e.end(ctx, o); err != nil {
			return err
		}
	}
	switch {
	case e.DryRun:
		fmt.Fprintf(s.Err, "%s would be ended; nothing was changed\n", counted(e.done, "order"))
	case e.left > 0 || e.done != 1:
		fmt.Fprintf(s.Err, "%s ended, %d not\n", counted(e.done, "order"), e.left)
	}
	if e.left > 0 {
		return errFailed
	}
	return nil
}

func (c *openEndCommand) check(s Streams) error {
	var errs config.Errors
	ways := 0
	for _, used := range []bool{len(c.Refs) > 0, c.File != "", c.All} {
		if used {
			ways++
		}
	}
	if ways != 1 {
		errs = append(errs, errors.New("which open orders? Name refs, or give --file or --all, one of these"))
	}
	if len(c.Refs) > 0 && c.merchant() == "" {
		errs = append(errs, errors.New("a ref belongs to a merchant: set --merchant-id / HPPLINK_MERCHANT_ID"))
	}
	if ways > 0 && !c.Yes && !c.DryRun && (c.File == "-" || !s.canAsk()) {
		errs = append(errs, errors.New("there is no terminal to ask whether to end them: add --yes, or --dry-run to see which orders it would be"))
	}
	if err := c.Redis.CheckShared(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

func (c *openEndCommand) merchant() string {
	if c.MerchantID != "" {
		return string(c.MerchantID)
	}
	return os.Getenv("HPPLINK_MERCHANT_ID")
}

// chosen returns the orders that are meant; of those that were named also the ones that are not open any more.
func (e *ending) chosen(ctx context.Context) (orders []ledger.OpenOrder, err error) {
	if e.All {
		err = e.each(ctx, e.base.Ledger, func(o ledger.OpenOrder) error {
			if o.State != ledger.Issued {
				orders = append(orders, o)
			}
			return nil
		})
		return orders, err
	}
	choice := failedChoice{Refs: e.Refs, File: e.File}
	choice.MerchantID = given(e.merchant())
	names, err := choice.names(e.streams.In)
	if err != nil {
		return nil, err
	}
	keys := make([]order.Key, len(names))
	for i, n := range names {
		keys[i] = n.key
	}
	records, _, err := e.base.Ledger.Records(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, n := range names {
		o := ledger.OpenOrder{Key: n.key, Record: records[i]}
		if n.generation > 0 {
			o.Generation = n.generation
		}
		orders = append(orders, o)
	}
	return orders, nil
}

func (e *ending) confirmed(ctx context.Context, n int) (bool, error) {
	if e.Yes || e.DryRun || n == 0 {
		return true, nil
	}
	return e.streams.ask(ctx, fmt.Sprintf("end %s without a link? [y/N] ", counted(n, "open order")))
}

// end ends one order, and tells what became of it.
func (e *ending) end(ctx context.Context, o ledger.OpenOrder) error {
	out := failedOutcome{Status: "ended", MerchantID: o.Key.MerchantID, Ref: o.Key.Ref, Generation: o.Generation}
	var err error
	switch {
	case e.DryRun && o.State == ledger.Queued:
		out.Status = outcomeChosen
	case e.DryRun && o.State == ledger.Sending:
		err = ledger.ErrBusy
	case e.DryRun:
		err = ledger.ErrStale
	default:
		err = e.base.Ledger.End(ctx, o.Key, o.Generation, ledger.Ending{Message: endedByHand, LinkMayExist: e.LinkMayExist, Metadata: e.metadata(ctx, o.Key)})
	}
	switch {
	case errors.Is(err, ledger.ErrBusy):
		out.Status, out.Generation, out.Message = "busy", 0, "a worker holds it: try again"
	case errors.Is(err, ledger.ErrStale):
		out.Status, out.Generation, out.Message = outcomeGone, 0, "it is not open"
	case err != nil:
		return err
	}
	if err == nil {
		e.done++
	} else {
		e.left++
	}
	return out.print(e.streams.Out, e.JSON)
}

// metadata is that of the order, which its result echoes. What can not be read has none.
func (e *ending) metadata(ctx context.Context, key order.Key) map[string]string {
	payloads, err := e.base.Ledger.Payloads(ctx, []order.Key{key})
	if err != nil || payloads[0] == nil {
		return nil
	}
	o, err := order.Decode(payloads[0])
	if err != nil {
		return nil
	}
	return o.Metadata
}
