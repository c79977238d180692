package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
)

type surplusCommand struct {
	List surplusListCommand `cmd:"" help:"List them, oldest first."`
}

type surplusListCommand struct {
	config.Redis
	MerchantID given `placeholder:"ID" help:"Only this merchant's. The variable HPPLINK_MERCHANT_ID never filters."`
	Limit      int   `placeholder:"N" help:"At most so many, oldest first."`
	JSON       bool  `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (surplusListCommand) Help() string {
	return `Examples:
  hpplink surplus list
  hpplink surplus list --merchant-id M-1001 --json

A surplus link was minted by the gateway, but its order had another one already, or had ended
without: nobody was shown it. A payment that arrives by it belongs to the order that is named.`
}

// surplusPage is how many surplus links are read at once.
const surplusPage = 500

// Run lists surplus links.
func (c *surplusListCommand) Run(ctx context.Context, s Streams) error {
	if err := c.Redis.CheckShared(); err != nil {
		return err
	}
	if c.Limit < 0 {
		return config.Errors{fmt.Errorf("--limit: %d is below zero", c.Limit)}
	}
	base, err := app.Open(ctx, c.Redis.Redis, c.Namespace, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	listed, err := c.list(ctx, s, base.Ledger)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintf(s.Err, "interrupted after %s\n", counted(listed, "surplus link"))
		return errFailed
	case err != nil:
		return err
	case !c.JSON:
		fmt.Fprintln(s.Err, counted(listed, "surplus link"))
	}
	return nil
}

func (c *surplusListCommand) list(ctx context.Context, s Streams, l *partition.Ledger) (listed int, err error) {
	t := &table{out: s.Out} // a link that was cut would be of no use
	place := ledger.FirstSurplus
	for {
		links, next, err := l.SurplusAfter(ctx, place, surplusPage)
		if err != nil {
			return listed, err
		}
		place = next
		last := len(links) < surplusPage
		links = c.meant(links, listed)
		if err := c.print(s, t, links); err != nil {
			return listed, err
		}
		listed += len(links)
		if last || c.Limit > 0 && listed == c.Limit {
			return listed, nil
		}
	}
}

func (c *surplusListCommand) meant(links []ledger.SurplusLink, listed int) (meant []ledger.SurplusLink) {
	for _, link := range links {
		if c.Limit > 0 && listed+len(meant) == c.Limit {
			break
		}
		if c.MerchantID.allows(link.Key.MerchantID) {
			meant = append(meant, link)
		}
	}
	return meant
}

// surplusJSON is a surplus link for machines.
type surplusJSON struct {
	Time       time.Time `json:"time"`
	MerchantID string    `json:"merchant_id"`
	Ref        string    `json:"merchant_txn_ref"`
	Generation int       `json:"generation"`
	Attempt    int       `json:"attempt"`
	LinkID     string    `json:"link_id"`
	URL        string    `json:"url"`
}

var surplusHeader = []string{"TIME", "MERCHANT", "REF", "GENERATION", "ATTEMPT", "LINK ID", "URL"}

func (c *surplusListCommand) print(s Streams, t *table, links []ledger.SurplusLink) error {
	var rows [][]string
	for _, l := range links {
		if c.JSON {
			err := writeJSON(s.Out, surplusJSON{l.Time, l.Key.MerchantID, l.Key.Ref, l.Generation, l.Attempt, l.Link.ID, l.Link.URL})
			if err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{
			l.Time.Local().Format("2006-01-02 15:04:05"), l.Key.MerchantID, l.Key.Ref,
			fmt.Sprint(l.Generation), fmt.Sprint(l.Attempt), l.Link.ID, l.Link.URL,
		})
	}
	return t.print(surplusHeader, rows)
}
