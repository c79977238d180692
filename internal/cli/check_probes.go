package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/doctor"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/tracing"
	"github.com/hpplink/hpplink/internal/worker"
)

// examine has everything looked at that the settings name. Where they are wrong, it is left to look at what they still name.
func (c *checkCommand) examine(ctx context.Context) []doctor.Finding {
	found := doctor.Problems("settings", "settings", doctor.Settings, c.bounds())
	settings, err := c.Settings(c.Merchant, c.Gateway)
	found = append(found, doctor.Problems("settings", "settings", doctor.Settings, err)...)
	merchants := merchant.NewDirectory(settings.Merchants...).All()
	process := doctor.ThisProcess()
	process.Calls = 2 * c.Concurrency
	found = slices.Concat(found, c.templates(merchants), c.files(settings, process.Container).Examine(), traces(), process.Examine())

	sender, probe := c.mail(merchants)
	if sender != nil {
		defer sender.Close()
	}
	found = append(found, c.times(merchants, sender).Examine()...)
	probes := []doctor.Probe{probe, c.web(settings), doctor.Gateways{Merchants: merchants, Offline: c.Offline}.Examine}
	if bad := c.Redis.Check(); bad != nil {
		found = append(found, doctor.Problems("redis", "redis", doctor.Settings, bad)...)
	} else {
		probes = append(probes, c.redis(merchants, err == nil))
	}
	return append(found, doctor.Examine(ctx, examination, probes...)...)
}

// templates tries the mail templates.
func (c *checkCommand) templates(merchants []merchant.Profile) (found []doctor.Finding) {
	for _, p := range merchants {
		err := worker.NewShelf().Check([]merchant.Profile{p})
		found = append(found, doctor.Problems("mail", "mail of "+p.ID, doctor.Settings, err)...)
	}
	return found
}

func (c *checkCommand) files(s config.Settings, container bool) doctor.Files {
	f := doctor.Files{Settings: c.Config, Container: container}
	for _, from := range slices.Concat(s.Sources, c.Gateway.Sources(), c.Web.Sources(), c.SMTP.Sources()) {
		switch {
		case from.File != "":
			f.Secrets = append(f.Secrets, doctor.Secret{Name: from.Name, Path: from.File})
		case from.Inline:
			f.Inline = append(f.Inline, from.Name)
		case from.Flag:
			f.Flags = append(f.Flags, from.Name)
		case from.Variable != "":
			f.Variables = append(f.Variables, from.Name)
		}
	}
	return f
}

func (c *checkCommand) times(merchants []merchant.Profile, sender *mail.Sender) doctor.Times {
	t := doctor.Times{Merchants: merchants, MaxAge: c.MaxAge, Stop: app.LongestWebStop}
	if c.Has(config.RoleWorker) {
		var call time.Duration
		for _, p := range merchants {
			call = max(call, p.Timeout)
		}
		t.Stop = app.LongestStop(call, sender != nil)
	}
	return t
}

// traces says where traces go, if they are asked for.
func traces() []doctor.Finding {
	where, err := tracing.Check()
	if err != nil || where == "" {
		return doctor.Problems("settings", "traces", doctor.Settings, err)
	}
	return []doctor.Finding{doctor.Fact("settings", "traces", fmt.Sprintf("to %s; it was not asked", where))}
}

// web looks at the address where HTTP is served.
func (c *checkCommand) web(s config.Settings) doctor.Probe {
	if !c.listens() {
		return nothing
	}
	tokens, err := c.Web.Check(s.Tokens)
	if err == nil {
		_, err = tokensOf(config.Settings{Tokens: tokens})
	}
	if err != nil {
		return only(doctor.Problems("settings", "HTTP", doctor.Settings, err))
	}
	names := make([]string, len(tokens))
	for i, t := range tokens {
		names[i] = t.Name
	}
	return doctor.Web{Address: c.Address(), Tokens: names}.Examine
}

// mail logs in at the mail server, and sends nothing.
func (c *checkCommand) mail(merchants []merchant.Profile) (*mail.Sender, doctor.Probe) {
	sender, err := c.Sender(1)
	if err != nil {
		return nil, only(doctor.Problems("mail", "mail", doctor.Settings, err))
	}
	return sender, doctor.Mail{Sender: sender, Merchants: merchants, Offline: c.Offline}.Examine
}

// redis looks at Redis, and at what lies there. known says that the merchants are all there are.
func (c *checkCommand) redis(merchants []merchant.Profile, known bool) doctor.Probe {
	r := doctor.Redis{URL: c.Redis.Redis, Namespace: c.Namespace, Version: Version(), Calls: c.Concurrency, Durable: c.Redis.Durable()}
	if known {
		r.Merchants = merchants
	}
	return r.Examine
}

func nothing(context.Context) []doctor.Finding { return nil }

func only(found []doctor.Finding) doctor.Probe {
	return func(context.Context) []doctor.Finding { return found }
}
