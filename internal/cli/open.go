package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
)

type openCommand struct {
	List openListCommand `cmd:"" default:"withargs" help:"List them, and why each waits."`
	End  openEndCommand  `cmd:"" help:"End some by hand, without a link."`
}

// openFilter says which open orders are meant.
type openFilter struct {
	MerchantID given `placeholder:"ID" help:"Only this merchant's. The variable HPPLINK_MERCHANT_ID never filters."`
	OlderThan  age   `placeholder:"AGE" help:"Only those accepted longer ago than this: 90m, 2h, 1d."`
}

func (f openFilter) meant(o ledger.OpenOrder, now time.Time) bool {
	return f.MerchantID.allows(o.Key.MerchantID) && (f.OlderThan == 0 || now.Sub(o.Accepted) > time.Duration(f.OlderThan))
}

type openListCommand struct {
	config.Redis
	openFilter
	Limit int  `placeholder:"N" help:"At most so many."`
	JSON  bool `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (openListCommand) Help() string {
	return `Examples:
  hpplink open
  hpplink open list --older-than 10m
  hpplink open list --json >open.ndjson

An order is open while a link is owed for it, or the email that carries it. They come in no order, while work goes on.`
}

// openJSON is an open order for machines.
type openJSON struct {
	MerchantID string       `json:"merchant_id"`
	Ref        string       `json:"merchant_txn_ref"`
	Generation int          `json:"generation"`
	Lane       order.Lane   `json:"lane"`
	State      ledger.State `json:"state"`
	Owed       string       `json:"owed"`
	Attempts   int          `json:"attempts"`
	Accepted   time.Time    `json:"accepted"`
	NextTry    *time.Time   `json:"next_try,omitempty"`
	Why        string       `json:"why,omitempty"`
}

func openJSONOf(o ledger.OpenOrder) openJSON {
	j := openJSON{
		MerchantID: o.Key.MerchantID, Ref: o.Key.Ref, Generation: o.Generation, Lane: o.Lane, State: o.State, Owed: "link",
		Attempts: o.Attempts, Accepted: o.Accepted.UTC(), Why: o.Why,
	}
	if o.State == ledger.Issued {
		j.Owed = "email"
	}
	if !o.WaitUntil.IsZero() {
		next := o.WaitUntil.UTC()
		j.NextTry = &next
	}
	return j
}

// Run lists open orders.
func (c *openListCommand) Run(ctx context.Context, s Streams) error {
	if c.Limit < 0 {
		return config.Errors{fmt.Errorf("--limit: %d is below zero", c.Limit)}
	}
	base, err := openShared(ctx, c.Redis, s)
	if err != nil {
		return err
	}
	defer base.Close()
	t := &table{out: s.Out, cut: terminalWidth(s.Out)}
	listed := 0
	err = c.each(ctx, base.Ledger, func(o ledger.OpenOrder) error {
		if listed++; c.Limit > 0 && listed > c.Limit {
			listed--
			return errEnough
		}
		if c.JSON {
			return writeJSON(s.Out, openJSONOf(o))
		}
		return t.print(openHeader, [][]string{openRow(openJSONOf(o))})
	})
	switch {
	case ctx.Err() != nil:
		fmt.Fprintf(s.Err, "interrupted after %s\n", counted(listed, "open order"))
		return errFailed
	case err != nil && !errors.Is(err, errEnough):
		return err
	case !c.JSON:
		fmt.Fprintln(s.Err, counted(listed, "open order"))
	}
	return nil
}

// each calls f with the open orders that are meant.
func (f openFilter) each(ctx context.Context, l *partition.Ledger, do func(ledger.OpenOrder) error) error {
	now := time.Now()
	return l.EachOpen(ctx, func(page []ledger.OpenOrder) error {
		for _, o := range page {
			if !f.meant(o, now) {
				continue
			}
			if err := do(o); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

var openHeader = []string{"ACCEPTED", "MERCHANT", "REF", "STATE", "OWED", "ATTEMPTS", "NEXT TRY", "WHY"}

func openRow(o openJSON) []string {
	next := "-"
	if o.NextTry != nil {
		next = o.NextTry.Local().Format("15:04:05")
	}
	return []string{
		o.Accepted.Local().Format("2006-01-02 15:04:05"), o.MerchantID, o.Ref, string(o.State), o.Owed, fmt.Sprint(o.Attempts), next, orDash(o.Why),
	}
}
