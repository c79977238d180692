package cli

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/tracing"
)

// mostNamed is how many merchants are named at the start. Of more, `hpplink check` tells.
const mostNamed = 20

// say tells once what is in force, and where what is: a line for the process, and one for each merchant.
func (c *runCommand) say(log *slog.Logger, base *app.Base, service *app.Service, s config.Settings, m *merchant.Directory, sender *mail.Sender) {
	l := line{"version", Version(), "roles", strings.Join(c.Roles.Roles, ","), "redis", base.Redis.Addr(), "namespace", c.Namespace}
	if y := base.Ledger.Layout(); len(base.Ledger.All()) > 1 {
		l = append(l, "partitions", y.Partitions, "former_partitions", fmt.Sprint(y.Former))
	}
	l.add("config", c.Config)
	if c.Has(config.RoleWorker) {
		l = append(l, "concurrency", c.Concurrency, "max_age", c.MaxAge.String())
	}
	l = append(l, "retention", c.Retention.String())
	if c.Has(config.RoleStream) {
		l.add("stream", base.Ledger.Keys().Orders())
	}
	if at := service.Addr(); at != "" {
		if c.Has(config.RoleWeb) {
			l = append(l, "http", "http://"+at+"/docs", "pages", "http://"+at+"/orders")
		}
		l = append(l, "metrics", "http://"+at+"/metrics", "tokens", tokenNames(s.Tokens))
	}
	if sender != nil {
		l.add("mail", sender.String())
	}
	where, _ := tracing.Check()
	l.add("traces", where)
	log.Info("working", l...)
	sayMerchants(log, m.All())
}

func sayMerchants(log *slog.Logger, all []merchant.Profile) {
	for _, p := range all[:min(len(all), mostNamed)] {
		l := line{
			"merchant", p.ID, "gateway", p.GatewayURL.String(), "gateway_timeout", p.Timeout.String(), "api_key", masked(p.APIKey), "x_api_key", masked(p.XAPIKey),
			"amount_unit", p.AmountUnit, "link_hosts", strings.Join(p.LinkHosts, ","), "max_open", p.MaxOpen,
		}
		if p.Rate > 0 {
			l = append(l, "rate", p.Rate)
		}
		if p.Concurrency > 0 {
			l = append(l, "concurrency", p.Concurrency)
		}
		log.Info("merchant", l...)
	}
	if more := len(all) - mostNamed; more > 0 {
		log.Info("more merchants: hpplink check lists them", "merchants", more)
	}
}

// masked tells which secret it is to who knows it.
func masked(s merchant.Secret) string { return cmp.Or(s.Hint(), s.String()) }

func tokenNames(all []config.Token) string {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Name
	}
	return cmp.Or(strings.Join(names, ","), "none")
}

// line is what is told in one line of the log.
type line []any

// add tells what is set.
func (l *line) add(name, value string) {
	if value != "" {
		*l = append(*l, name, value)
	}
}
