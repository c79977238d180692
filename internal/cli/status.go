package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
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

func (c *statusCommand) counts(ctx context.Context, w io.Writer, l *ledger.Ledger) error {
	n, err := l.Counts(ctx)
	if err != nil {
		return err
	}
	breakers, err := l.Breakers(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w, map[string]any{
			"open": n.Open(), "queued": n.Queued, "sending": n.Sending, "held": n.Held, "failed": n.Failed, "surplus_links": n.Surplus,
			"held_merchants": heldJSON(breakers),
		})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "open\t%d\torders that a link is owed for\n", n.Open())
	for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
		fmt.Fprintf(t, "  %s\t%d\twaiting, %d being sent\n", lane, n.Queued[lane], n.Sending[lane])
	}
	if n.Held > 0 {
		fmt.Fprintf(t, "  held\t%d\tuntil the gateway serves their merchants again\n", n.Held)
	}
	fmt.Fprintf(t, "failed\t%d\tended without a link\n", n.Failed)
	fmt.Fprintf(t, "surplus links\t%d\tminted by the gateway and shown to nobody\n", n.Surplus)
	for _, b := range breakers {
		if b.Open {
			fmt.Fprintf(t, "merchant %s\t%d\theld since %s: %s; next try %s\n", b.MerchantID, b.Held, clock(b.Since), b.Why, clock(b.Until))
		}
	}
	return t.Flush()
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

// statusJSON is an order for machines.
type statusJSON struct {
	MerchantID string       `json:"merchant_id"`
	Ref        string       `json:"merchant_txn_ref"`
	State      ledger.State `json:"state"`
	Generation int          `json:"generation"`
	Lane       order.Lane   `json:"lane"`
	Attempts   int          `json:"attempts"`
	Uncertain  bool         `json:"uncertain"`
	URL        string       `json:"url,omitempty"`
	LinkID     string       `json:"link_id,omitempty"`
	Amount     string       `json:"amount,omitempty"`
	Currency   string       `json:"currency,omitempty"`
	Code       string       `json:"code,omitempty"`
	Message    string       `json:"message,omitempty"`
	Why        string       `json:"why,omitempty"`
	Accepted   time.Time    `json:"accepted,omitzero"`
	Settled    time.Time    `json:"settled,omitzero"`
	WaitUntil  time.Time    `json:"wait_until,omitzero"`
	HeldSince  time.Time    `json:"held_since,omitzero"`
	LeaseEnds  time.Time    `json:"lease_ends,omitzero"`
	Surplus    int          `json:"surplus_links,omitempty"`
}

func (c *statusCommand) one(ctx context.Context, s Streams, l *ledger.Ledger) error {
	r, found, err := l.Get(ctx, order.Key{MerchantID: c.MerchantID, Ref: c.Ref})
	if err != nil {
		return err
	}
	if !found {
		fmt.Fprintf(s.Err, "hpplink: no order %q of merchant %q is known here: check both, and --redis and --namespace\n", c.Ref, c.MerchantID)
		return errFailed
	}
	if c.JSON {
		return writeJSON(s.Out, statusJSON{
			MerchantID: c.MerchantID, Ref: c.Ref, State: r.State, Generation: r.Generation, Lane: r.Lane, Attempts: r.Attempts,
			Uncertain: r.Uncertain, URL: r.Link.URL, LinkID: r.Link.ID, Amount: r.Amount, Currency: r.Currency, Code: r.Code,
			Message: r.Message, Why: r.Why, Accepted: r.Accepted, Settled: r.Settled, WaitUntil: r.WaitUntil, LeaseEnds: r.Lease, HeldSince: r.HeldSince,
			Surplus: r.Surplus,
		})
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, row := range c.rows(r) {
		if row[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
		}
	}
	return t.Flush()
}

func (c *statusCommand) rows(r ledger.Record) [][2]string {
	rows := [][2]string{
		{"order", c.MerchantID + "  " + c.Ref},
		{"state", string(r.State)},
		{"link", r.Link.URL},
		{"link id", r.Link.ID},
		{"amount", joined(r.Amount, r.Currency)},
		{"failure", joined(r.Code, r.Message)},
		{"waits", r.Why},
		{"next try", clock(r.WaitUntil)},
		{"held since", clock(r.HeldSince)},
		{"attempts", fmt.Sprint(r.Attempts)},
		{"accepted", clock(r.Accepted)},
		{"settled", clock(r.Settled)},
		{"lease ends", clock(r.Lease)},
		{"lane", string(r.Lane)},
	}
	if r.Generation > 1 {
		rows = append(rows, [2]string{"generation", fmt.Sprint(r.Generation)})
	}
	if r.Uncertain {
		rows = append(rows, [2]string{"uncertain", "a link that nobody was shown may exist at the gateway"})
	}
	if r.Surplus > 0 {
		rows = append(rows, [2]string{"surplus links", fmt.Sprint(r.Surplus)})
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
