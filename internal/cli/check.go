package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/worker"
)

type checkCommand struct {
	config.Redis
	config.SettingsFile
	config.Merchant
	config.Gateway
	config.Web
	config.SMTP
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (checkCommand) Help() string {
	return `Examples:
  hpplink check
  hpplink check --config /etc/hpplink.yaml
  hpplink check --redis rediss://user@redis.example:6380/0 --json

It takes the same settings as 'run', works no order, asks no gateway and sends no email.
Exit code 0: fit to run; 1: something is to be mended; 2: this Redis can not be used; 3: it is out of reach.`
}

// finding is what was found about one thing.
type finding struct {
	Subject string `json:"subject"`
	OK      bool   `json:"ok"`
	Detail  string `json:"detail"` // what was found, or what to do
	err     error
}

// Run looks at everything, however much is wrong.
func (c *checkCommand) Run(ctx context.Context, s Streams) error {
	findings := slices.Concat(c.settings(), c.mail(ctx), traces(), c.redis(ctx, s))
	var bad error
	for _, f := range findings {
		if !f.OK {
			bad = errors.Join(bad, errFailed, f.err)
		}
		if err := c.print(s, f); err != nil {
			return err
		}
	}
	return bad
}

func (c *checkCommand) print(s Streams, f finding) error {
	if c.JSON {
		return writeJSON(s.Out, f)
	}
	mark := "ok  "
	if !f.OK {
		mark = "MEND"
	}
	_, err := fmt.Fprintf(s.Out, "%s  %-11s  %s\n", mark, f.Subject, f.Detail)
	return err
}

func (c *checkCommand) settings() []finding {
	s, err := c.Settings(c.Merchant, c.Gateway)
	if err != nil {
		return mend("settings", err)
	}
	var all []finding
	for _, p := range merchant.NewDirectory(s.Merchants...).All() {
		limit := "without a rate limit"
		if p.Rate > 0 {
			limit = fmt.Sprintf("at most %g calls a second", p.Rate)
		}
		all = append(all, fine("merchant", "%s, amounts in %s units, %s", p.ID, p.AmountUnit, limit),
			fine("gateway", "%s, calls end after %v; it was not asked", p.GatewayURL, p.Timeout))
	}
	for _, p := range s.Merchants {
		if err := worker.NewShelf().Check([]merchant.Profile{p}); err != nil {
			all = append(all, mend("mail of "+p.ID, err)...)
		}
	}
	return append(all, c.web(s)...)
}

// mail logs in at the mail server, and sends nothing.
func (c *checkCommand) mail(ctx context.Context) []finding {
	sender, err := c.Sender(1)
	if err != nil {
		return mend("mail", err)
	}
	if sender == nil {
		return []finding{fine("mail", "no mail server is set: no emails are sent, and orders with delivery.email are refused unless another worker sends them")}
	}
	defer sender.Close()
	if err := sender.Check(ctx); err != nil {
		return mend("mail", fmt.Errorf("%s: %w", sender, err))
	}
	return []finding{fine("mail", "%s; it lets us in, and nothing was sent", sender)}
}

func (c *checkCommand) web(s config.Settings) []finding {
	tokens, err := c.Web.Check(s.Tokens)
	if err != nil {
		return mend("HTTP", err)
	}
	names := make([]string, len(tokens))
	for i, t := range tokens {
		names[i] = t.Name
	}
	if len(names) == 0 {
		return []finding{fine("HTTP", "%s, for this machine only, without a token", c.Address())}
	}
	return []finding{fine("HTTP", "%s, tokens: %s", c.Address(), strings.Join(names, ", "))}
}

func (c *checkCommand) redis(ctx context.Context, s Streams) []finding {
	if err := c.Redis.Check(); err != nil {
		all := mend("redis", err)
		all[0].err = err // whole, for the exit code
		return all
	}
	base, err := app.Open(ctx, c.Redis.Redis, c.Namespace, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return mend("redis", err)
	}
	defer base.Close()
	report, err := base.Redis.Check(ctx)
	if err != nil {
		return mend("redis", err)
	}
	all := []finding{fine("redis", "%s, version %s", base.Redis.Addr(), report.Version)}
	if loss := report.Loss(); loss != "" {
		all = append(all, mend("persistence", errors.New(loss))...)
	}
	counts, err := base.Ledger.Counts(ctx)
	if err != nil {
		return append(all, mend("orders", err)...)
	}
	return append(all, fine("orders", "%d open, %d failed, %d surplus links", counts.Open(), counts.Failed, counts.Surplus))
}

func fine(subject, format string, args ...any) finding {
	return finding{Subject: subject, OK: true, Detail: fmt.Sprintf(format, args...)}
}

// mend makes a finding of each error that was joined into one.
func mend(subject string, err error) []finding {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		var all []finding
		for _, e := range joined.Unwrap() {
			all = append(all, mend(subject, e)...)
		}
		return all
	}
	return []finding{{Subject: subject, Detail: err.Error(), err: err}}
}
