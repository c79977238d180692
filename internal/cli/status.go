package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
)

type statusCommand struct {
	Ref string `arg:"" optional:"" help:"The order's merchant_txn_ref. Without one, orders are counted."`

	config.Redis
	MerchantID string `env:"HPPLINK_MERCHANT_ID" placeholder:"ID" help:"The order's merchant."`
	JSON       bool   `name:"json" help:"One JSON object."`
}

// Help gives examples.
func (statusCommand) Help() string {
	return `Examples:
  hpplink status
  hpplink status 2003089893366DTEST --merchant-id M-1001

Exit code 1: there is no such order.`
}

// Run looks up.
func (c *statusCommand) Run(ctx context.Context, s Streams) error {
	if err := c.Redis.CheckShared(); err != nil {
		return err
	}
	if c.Ref != "" && c.MerchantID == "" {
		return config.Errors{fmt.Errorf("a ref belongs to a merchant: set --merchant-id / HPPLINK_MERCHANT_ID")}
	}
	base, err := app.Open(ctx, c.Redis.Redis, c.Namespace, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	if c.Ref == "" {
		return c.counts(ctx, s.Out, base.Ledger)
	}
	return c.one(ctx, s, base.Ledger)
}

func (c *statusCommand) counts(ctx context.Context, w io.Writer, l *partition.Ledger) error {
	n, err := l.Counts(ctx)
	if err != nil {
		return err
	}
	breakers, err := l.Breakers(ctx)
	if err != nil {
		return err
	}
	mails, err := l.MailBreakers(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w, map[string]any{
			"open": n.Open(), "queued": n.Queued, "sending": n.Sending, "held": n.Held, "failed": n.Failed, "surplus_links": n.Surplus,
			"held_merchants": heldJSON(breakers), "emails": n.Mailing, "failed_emails": n.FailedEmails, "held_emails": heldJSON(mails),
			"unpublished": n.Unpublished,
		})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "open\t%d\torders that a link, or the email with it, is owed for\n", n.Open())
	for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
		fmt.Fprintf(t, "  %s\t%d\twaiting, %d being sent\n", lane, n.Queued[lane], n.Sending[lane])
	}
	if n.Held > 0 {
		fmt.Fprintf(t, "  held\t%d\tuntil the gateway serves their merchants again\n", n.Held)
	}
	if n.Mailing > 0 {
		fmt.Fprintf(t, "  emails\t%d\towed for links that are issued%s\n", n.Mailing, unsent(ctx, l, "; "))
	}
	if n.Unpublished > 0 {
		fmt.Fprintf(t, "unpublished\t%d\tresults wait until the replicas of Redis have them\n", n.Unpublished)
	}
	fmt.Fprintf(t, "failed\t%d\tended without a link\n", n.Failed)
	if n.FailedEmails > 0 {
		fmt.Fprintf(t, "failed emails\t%d\ttheir links are issued\n", n.FailedEmails)
	}
	fmt.Fprintf(t, "surplus links\t%d\tminted by the gateway and shown to nobody\n", n.Surplus)
	for _, b := range breakers {
		if b.Open {
			fmt.Fprintf(t, "merchant %s\t%d\theld since %s: %s; next try %s\n", visible(b.MerchantID), b.Held, clock(b.Since), b.Why, clock(b.Until))
		}
	}
	for _, b := range mails {
		if b.Open {
			fmt.Fprintf(t, "emails of merchant %s\t%d\theld since %s: %s; next try %s\n", b.MerchantID, b.Held, clock(b.Since), b.Why, clock(b.Until))
		}
	}
	return t.Flush()
}

// unsent says, after a separator, that nobody sends emails, if that is so.
func unsent(ctx context.Context, l *partition.Ledger, separator string) string {
	seen, err := l.MailersSeen(ctx)
	switch {
	case err != nil || time.Since(seen) < app.MailersSilent:
		return ""
	case seen.IsZero():
		return separator + "no worker sends emails: set HPPLINK_SMTP for one"
	}
	return separator + "no worker sends emails since " + clock(seen) + ": set HPPLINK_SMTP for one"
}

// heldMerchant is a merchant that the gateway does not serve, for machines.
type heldMerchant struct {
	MerchantID string    `json:"merchant_id"`
	Since      time.Time `json:"since"`
	NextTry    time.Time `json:"next_try"`
	Why        string    `json:"why"`
	Held       int       `json:"held"`
}

func heldJSON(breakers []ledger.Breaker) []heldMerchant {
	all := []heldMerchant{}
	for _, b := range breakers {
		if b.Open {
			all = append(all, heldMerchant{b.MerchantID, b.Since, b.Until, b.Why, b.Held})
		}
	}
	return all
}

func (c *statusCommand) one(ctx context.Context, s Streams, l *partition.Ledger) error {
	v, err := lookup.Order(ctx, l, order.Key{MerchantID: c.MerchantID, Ref: c.Ref})
	if errors.Is(err, lookup.ErrUnknown) {
		fmt.Fprintf(s.Err, "hpplink: no order %q of merchant %q is known here: check both, and --redis and --namespace\n", c.Ref, c.MerchantID)
		return errFailed
	}
	if err != nil {
		return err
	}
	if v.Email != nil && v.Email.State == string(ledger.MailPending) && v.Why == "" {
		v.Why = unsent(ctx, l, "")
	}
	if c.JSON {
		return writeJSON(s.Out, v)
	}
	return printOrder(s.Out, v)
}

// printOrder shows an order to people: how it stands, and what happened to it.
func printOrder(w io.Writer, v lookup.OrderView) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range orderRows(v) {
		if row[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], visible(row[1]))
		}
	}
	fmt.Fprintln(t, "history\t")
	for _, h := range v.History {
		what := string(h.What)
		if v.Generation > 1 {
			what = fmt.Sprintf("%d: %s", h.Generation, what)
		}
		fmt.Fprintf(t, "  %s\t%s\n", clock(h.At), visible(joined(what, h.Detail)))
	}
	return t.Flush()
}

func orderRows(v lookup.OrderView) [][2]string {
	rows := [][2]string{
		{"order", v.MerchantID + "  " + v.Ref},
		{"state", string(v.State)},
		{"owed", strings.Join(v.Owed, ", ")},
		{"link", v.URL},
		{"link id", v.LinkID},
		{"amount", joined(v.Amount, v.Currency)},
		{"failure", joined(v.Code, v.Message)},
		{"waits", v.Why},
		{"next try", clock(v.NextTry)},
		{"held since", clock(v.HeldSince)},
		{"attempts", fmt.Sprint(v.Attempts)},
		{"lease ends", clock(v.LeaseEnds)},
		{"lane", string(v.Lane)},
	}
	if e := v.Email; e != nil {
		rows = append(rows, [2]string{"email", joined(e.State, clock(e.Sent)+clock(e.Failed))}, [2]string{"email failure", joined(e.Code, e.Message)})
		if e.Doubtful {
			rows = append(rows, [2]string{"email", "an attempt may have sent it and never said so"})
		}
	}
	if b := v.Breaker; b != nil {
		rows = append(rows, [2]string{"breaker", fmt.Sprintf("open since %s: the gateway does not serve merchant %s; %s held", clock(b.Since), v.MerchantID, counted(b.Held, "order"))})
	}
	if v.Generation > 1 {
		rows = append(rows, [2]string{"generation", fmt.Sprint(v.Generation)})
	}
	if v.Uncertain {
		rows = append(rows, [2]string{"uncertain", "a link that nobody was shown may exist at the gateway"})
	}
	if v.Surplus > 0 {
		rows = append(rows, [2]string{"surplus links", fmt.Sprint(v.Surplus)})
	}
	return rows
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a
	}
	return a + " " + b
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}
