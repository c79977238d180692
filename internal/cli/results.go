package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/results"
)

type resultsCommand struct {
	config.Redis
	Follow   bool   `short:"f" help:"Stay, and print results as they are published."`
	Group    string `placeholder:"NAME" help:"Read as a consumer group: results are shared among its consumers, and each counts as read once it is printed."`
	Consumer string `placeholder:"NAME" help:"This consumer's name in the group. Default: the host's name."`
	JSON     bool   `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (resultsCommand) Help() string {
	return `Examples:
  hpplink results
  hpplink results --follow --json
  hpplink results --follow --group billing --json | import-links`
}

// Run prints results.
func (c *resultsCommand) Run(ctx context.Context, s Streams) error {
	if err := c.Redis.CheckShared(); err != nil {
		return err
	}
	base, err := app.Open(ctx, c.Redis.Redis, c.Namespace, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	show := func(e results.Event) error { return c.print(s.Out, e) }
	switch {
	case c.Group != "":
		g, err := base.Results.Join(ctx, c.Group, c.consumer())
		if err != nil {
			return err
		}
		return g.Read(ctx, c.Follow, show)
	case c.Follow:
		return base.Results.Follow(ctx, results.Start, show)
	default:
		_, err := base.Results.Read(ctx, results.Start, show)
		return err
	}
}

func (c *resultsCommand) consumer() string {
	if c.Consumer != "" {
		return c.Consumer
	}
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "hpplink"
}

// print fails when the line could not be written: then the event is not acknowledged.
func (c *resultsCommand) print(w io.Writer, e results.Event) error {
	if c.JSON {
		return writeJSON(w, e)
	}
	at := "-                  " // of an entry that is no result
	if !e.Time.IsZero() {
		at = e.Time.Local().Format("2006-01-02 15:04:05")
	}
	_, err := fmt.Fprintf(w, "%s  %-14s  %s  %s  %s\n", at, orDash(visible(e.Type)), orDash(visible(e.MerchantID)), orDash(visible(e.Ref)), visible(resultDetail(e)))
	return err
}

// resultDetail is what a person wants to know of an event. One that can not be read is shown as it is.
func resultDetail(e results.Event) string {
	switch e.Type {
	case results.LinkIssued:
		if d, err := results.Decode[results.Issued](e); err == nil {
			return strings.TrimSpace(d.URL + "  " + joined(d.Amount, d.Currency))
		}
	case results.LinkFailed:
		if d, err := results.Decode[results.Failed](e); err == nil {
			return d.Code + ": " + d.Message
		}
	case results.OrderConflict:
		if d, err := results.Decode[results.Conflict](e); err == nil {
			return "differs in " + strings.Join(d.Fields, ", ")
		}
	case results.OrderRejected:
		if d, err := results.Decode[results.Rejected](e); err == nil {
			lines := make([]string, len(d.Errors))
			for i, p := range d.Errors {
				lines[i] = strings.TrimPrefix(p.Field+": "+p.Message, ": ")
			}
			return strings.Join(lines, "; ")
		}
	}
	return string(e.Data)
}
