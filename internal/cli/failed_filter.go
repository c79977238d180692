package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
)

// failedPage is how many failed orders are read at once.
const failedPage = 500

// errEnough ends reading early.
var errEnough = errors.New("enough")

// failedFilter says which failed orders are meant: those that meet all of it.
type failedFilter struct {
	MerchantID  given `placeholder:"ID" help:"Only this merchant's. The variable HPPLINK_MERCHANT_ID never filters."`
	Code        given `placeholder:"CODE" help:"Only those that failed with this code, such as rejected, gave_up, expired or possibly_issued."`
	Batch       given `placeholder:"ID" help:"Only those of this batch; see 'hpplink bulk status'."`
	OlderThan   age   `placeholder:"AGE" help:"Only those that failed longer ago than this, such as 90m, 2h or 1d12h."`
	YoungerThan age   `placeholder:"AGE" help:"Only those that failed less long ago than this."`
	Email       bool  `help:"Emails that failed, in place of orders: their links are issued, and no link is asked for."`
	Limit       int   `placeholder:"N" help:"At most so many, oldest first."`
}

func (f failedFilter) check() error {
	var errs config.Errors
	if f.Limit < 0 {
		errs = append(errs, fmt.Errorf("--limit: %d is below zero", f.Limit))
	}
	if f.YoungerThan > 0 && f.YoungerThan <= f.OlderThan {
		errs = append(errs, fmt.Errorf("--younger-than %v and --older-than %v leave nothing between them", f.YoungerThan, f.OlderThan))
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

func (f failedFilter) empty() bool {
	return f.MerchantID == "" && f.Code == "" && f.Batch == "" && f.OlderThan == 0 && f.YoungerThan == 0
}

// each calls page with the failed orders that are meant, oldest first, up to those that failed
// before the cutoff: so it comes to an end, and sees no order again that fails again meanwhile.
func (f failedFilter) each(ctx context.Context, l *partition.Ledger, cutoff time.Time, page func([]ledger.FailedOrder) error) error {
	var cursor ledger.Cursor
	if f.YoungerThan > 0 {
		cursor = ledger.FailedSince(cutoff.Add(-time.Duration(f.YoungerThan)))
	}
	until := cutoff.Add(-time.Duration(f.OlderThan))
	for ctx.Err() == nil {
		orders, next, err := f.listOf(l).After(ctx, cursor, failedPage)
		if err != nil || next == cursor {
			return err
		}
		cursor = next
		past := slices.IndexFunc(orders, func(o ledger.FailedOrder) bool { return !o.FailedAt.Before(until) })
		if past >= 0 {
			orders = orders[:past]
		}
		orders = slices.DeleteFunc(orders, func(o ledger.FailedOrder) bool { return !f.meant(o) })
		err = page(orders)
		if errors.Is(err, errEnough) || err == nil && past >= 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// listOf is the list that is meant.
func (f failedFilter) listOf(l *partition.Ledger) ledger.FailedList {
	if f.Email {
		return l.FailedEmails()
	}
	return l.FailedOrders()
}

// noun is what the list holds.
func (f failedFilter) noun() string {
	if f.Email {
		return "failed email"
	}
	return "failed order"
}

func (f failedFilter) meant(o ledger.FailedOrder) bool {
	return f.MerchantID.allows(o.Key.MerchantID) && f.Code.allows(o.Code) && (f.Batch == "" || slices.Contains(o.Batches, string(f.Batch)))
}

// given is the text of a filter. An empty one is refused: from a variable that is not set, it
// would choose everything.
type given string

// UnmarshalText takes any text but none.
func (g *given) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("it is empty: leave the flag out, or give it a value")
	}
	*g = given(text)
	return nil
}

func (g given) allows(s string) bool { return g == "" || string(g) == s }

// age is a time.Duration that may be given in days.
type age time.Duration

// UnmarshalText reads "2h30m", "1d" or "1d12h".
func (a *age) UnmarshalText(text []byte) error {
	days, rest, found := strings.Cut(string(text), "d")
	if !found {
		days, rest = "0", string(text)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	d := time.Duration(0)
	if err == nil && rest != "" {
		d, err = time.ParseDuration(rest)
	}
	if d += time.Duration(n) * 24 * time.Hour; err != nil || d <= 0 {
		return fmt.Errorf("%q is no age: write it as 90m, 2h, 1d or 1d12h, above zero", text)
	}
	*a = age(d)
	return nil
}

func (a age) String() string { return time.Duration(a).String() }

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
