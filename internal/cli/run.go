package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/web"
	"github.com/hpplink/hpplink/internal/worker"
)

type runCommand struct {
	config.Redis
	config.SettingsFile
	config.Merchant
	config.Gateway
	config.Roles
	config.Web
	config.SMTP
	config.Log

	Concurrency int           `env:"HPPLINK_CONCURRENCY" default:"50" help:"Calls of the gateway at once, for each lane."`
	MaxAge      time.Duration `env:"HPPLINK_MAX_AGE" default:"24h" help:"How long an order is tried, from its first real attempt, before it fails; at least 1m."`
	Retention   time.Duration `env:"HPPLINK_RETENTION" default:"720h" help:"How long issued orders are remembered, and results are kept."`
}

// Help gives examples.
func (runCommand) Help() string {
	return `Examples:
  hpplink run --redis redis://127.0.0.1:6379/0
  hpplink run --config /etc/hpplink.yaml --roles worker
  HPPLINK_API_KEY_FILE=/run/secrets/api-key hpplink run

It works until SIGTERM or Ctrl-C, then finishes what is in flight. A second one ends it at once;
nothing is lost then either, but orders in flight wait until another worker takes them over.
SIGHUP reads the settings file and the files of secrets again, without a pause; a bad one changes nothing.`
}

// minMaxAge is a time in which a gateway that stumbles once can still be asked again.
const minMaxAge = time.Minute

func (c *runCommand) check() error {
	var errs config.Errors
	for _, err := range []error{c.Redis.Check(), c.bounds()} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// bounds checks what is a matter of how much, how many and how long.
func (c *runCommand) bounds() error {
	var errs config.Errors
	for _, err := range []error{c.Roles.Check(), app.CheckAges(c.Retention, c.MaxAge)} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if c.MaxAge < minMaxAge {
		errs = append(errs, fmt.Errorf("--max-age / HPPLINK_MAX_AGE: %v is below %v", c.MaxAge, minMaxAge))
	}
	if c.Concurrency < 1 || c.Concurrency > 10_000 {
		errs = append(errs, fmt.Errorf("--concurrency / HPPLINK_CONCURRENCY: %d is not between 1 and 10000", c.Concurrency))
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// load reads all settings that a reload reads again. The tokens are those in force.
func (c *runCommand) load() (config.Settings, error) {
	s, err := c.Settings(c.Merchant, c.Gateway)
	if err != nil {
		return s, err
	}
	if err := worker.NewShelf().Check(s.Merchants); err != nil { // before the first order, not with it
		return s, config.Errors{err}
	}
	if !c.listens() {
		return s, nil
	}
	if s.Tokens, err = c.Web.Check(s.Tokens); err != nil {
		return s, err
	}
	if _, err := tokensOf(s); err != nil {
		return s, config.Errors{err}
	}
	return s, nil
}

// Run is the worker, and all else that a process may do.
func (c *runCommand) Run(ctx context.Context, s Streams) error {
	if err := c.check(); err != nil {
		return err
	}
	settings, err := c.load()
	if err != nil {
		return err
	}
	tokens, err := tokensOf(settings)
	if err != nil {
		return config.Errors{err}
	}
	sender, err := c.Sender(app.MailConcurrency)
	if err != nil {
		return err
	}
	out := &gathered{to: s.Err}
	defer out.Flush()
	s.Err = out
	log := c.Logger(out)
	base, err := openBase(ctx, c.Redis, c.Retention, log)
	if err != nil {
		return unlessInterrupted(ctx, log, err)
	}
	defer base.Close()
	collectSeldom()
	if err := base.Trace(ctx, Version()); err != nil {
		return config.Errors{err}
	}
	merchants := merchant.NewDirectory(settings.Merchants...)
	base.Watch(merchants, Version())
	service, err := base.Start(ctx, c.service(merchants, tokens, sender))
	if err != nil {
		return unlessInterrupted(ctx, log, err)
	}
	c.say(log, base, service, settings, merchants, sender)
	invite(s.Err, service)
	reloaded := c.reload(ctx, s.Err, log, service, merchants, settings)
	<-ctx.Done()
	log.Info("finishing what is in flight; a second signal ends it at once")
	<-reloaded
	if err := service.Stop(); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// unlessInterrupted is the error by which the start failed, unless that is for being asked to end meanwhile: a deployment that
// stops what it has just started is all well.
func unlessInterrupted(ctx context.Context, log *slog.Logger, err error) error {
	if ctx.Err() == nil {
		return err
	}
	log.Info("asked to end before it had begun", "while", err)
	return nil
}

// collectSeldom has garbage collected less often, unless somebody set that. What a worker keeps is a few MiB, and by default
// Go's collector would run each time as much again was used: many times a second, for a tenth of the worker's CPU.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

func (c *runCommand) service(m *merchant.Directory, tokens api.Tokens, sender *mail.Sender) app.ServiceConfig {
	s := app.ServiceConfig{Merchants: m, Stream: c.Has(config.RoleStream), Tokens: tokens}
	if c.Has(config.RoleWorker) {
		s.Worker = &app.WorkerConfig{Merchants: m, Concurrency: c.Concurrency, MaxAge: c.MaxAge, Mail: sender, Templates: worker.NewShelf(), Version: Version()}
	}
	if c.listens() {
		s.Listen, s.Probes = c.Address(), !c.Has(config.RoleWeb)
		s.MayListen = s.Listen == config.DefaultListen
		s.DashboardWrite = c.DashboardWrite
	}
	return s
}

// listens reports whether the process serves HTTP, if only its probes: workers, of which there may be several on a machine, do so
// where they are told to.
func (c *runCommand) listens() bool { return c.Has(config.RoleWeb) || c.Listen != "" }

// invite shows who sits at the terminal a way to the pages, where no token opens them.
func invite(terminal io.Writer, service *app.Service) {
	if link := service.OnceLink(); link != "" && isTerminal(terminal) {
		fmt.Fprintf(terminal, "\nTo see the orders, open this link within %.0f minutes; it works once:\n  %s\n\n", web.OnceLife.Minutes(), link)
	}
}

// reload reads the settings again at each SIGHUP until the context ends. The channel that it returns is closed then.
func (c *runCommand) reload(ctx context.Context, terminal io.Writer, log *slog.Logger, service *app.Service, m *merchant.Directory, now config.Settings) <-chan struct{} {
	r := &config.Reloader{Load: c.load, Merchants: m, Tokens: now.Tokens, Log: log, Applied: func(s config.Settings, mended []string) {
		tokens, _ := tokensOf(s) // which load has done before
		service.Applied(m.All(), mended, tokens)
		invite(terminal, service)
	}}
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(ended)
		defer signal.Stop(signals)
		r.Run(ctx, signals)
	}()
	return ended
}

func tokensOf(s config.Settings) (api.Tokens, error) {
	byName := make(map[string]string, len(s.Tokens))
	for _, t := range s.Tokens {
		byName[t.Name] = t.Value.Reveal()
	}
	return api.NewTokens(byName)
}
