package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
)

// failedChoice says which failed orders something is to be done with. There is one way to
// choose at a time: by ref, by file, by filter, or all.
type failedChoice struct {
	Refs []string `arg:"" optional:"" name:"ref" help:"The orders' merchant_txn_ref. Their merchant is --merchant-id or HPPLINK_MERCHANT_ID."`

	config.Redis
	failedFilter
	File      string `placeholder:"FILE" help:"Those named in a file: one ref a line, or what 'failed list --json' prints. '-' is standard input."`
	All       bool   `help:"Every failed order."`
	Uncertain bool   `help:"Also those after which a link may exist at the gateway, or whose email may have gone out. Without it they are left out, unless named by ref or chosen by --code possibly_issued, or --code unknown."`
	DryRun    bool   `help:"Only show which orders it would be."`
	Yes       bool   `short:"y" help:"Do not ask."`
	JSON      bool   `name:"json" help:"One JSON object a line."`
}

func (c *failedChoice) named() bool { return len(c.Refs) > 0 || c.File != "" }

// check reports all that is wrong with the choice, for what is to be done.
func (c *failedChoice) check(s Streams, step failedStep) error {
	var errs config.Errors
	ways := c.ways()
	switch {
	case ways == 0:
		errs = append(errs, errors.New("which failed orders? Name refs, or give --file, a filter (--merchant-id, --code, --older-than, --younger-than) or --all"))
	case ways > 1:
		errs = append(errs, errors.New("choose orders in one way: by ref, by --file, by filters (--code, --older-than, …) or by --all"))
	}
	if len(c.Refs) > 0 && c.merchant() == "" {
		errs = append(errs, errors.New("a ref belongs to a merchant: set --merchant-id / HPPLINK_MERCHANT_ID"))
	}
	if ways > 0 && !c.Yes && !c.DryRun && !c.canAsk(s) && (step.asksAlways || !c.named()) {
		errs = append(errs, fmt.Errorf("there is no terminal to ask whether to %s: add --yes, or --dry-run to see which orders it would be", step.verb))
	}
	if err := errors.Join(c.Redis.CheckShared(), c.failedFilter.check()); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// ways counts in how many ways orders are chosen.
func (c *failedChoice) ways() (n int) {
	filter := c.failedFilter
	if c.named() {
		filter.MerchantID = "" // it says whose they are
	}
	for _, used := range []bool{len(c.Refs) > 0, c.File != "", c.All, !filter.empty()} {
		if used {
			n++
		}
	}
	return n
}

func (c *failedChoice) merchant() string {
	if c.MerchantID != "" {
		return string(c.MerchantID)
	}
	return os.Getenv("HPPLINK_MERCHANT_ID")
}

// leavesOut reports whether an order is not to be touched, because a link may exist, or the email may have arrived, and nobody
// said that this was looked into.
func (c *failedChoice) leavesOut(o ledger.FailedOrder) bool {
	doubtful := given(ledger.CodePossiblyIssued)
	if c.Email {
		doubtful = ledger.CodeMailUnknown
	}
	return o.LinkMayExist() && !c.Uncertain && len(c.Refs) == 0 && c.Code != doubtful
}
