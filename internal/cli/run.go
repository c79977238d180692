package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/merchant"
)

type runCommand struct {
	config.Redis
	config.Merchant
	config.Gateway
	config.Log

	Concurrency int           `env:"HPPLINK_CONCURRENCY" default:"50" help:"Calls of the gateway at once, for each lane."`
	MaxAge      time.Duration `env:"HPPLINK_MAX_AGE" default:"24h" help:"How long an order is tried, from its first real attempt, before it fails; at least 1m."`
	Retention   time.Duration `env:"HPPLINK_RETENTION" default:"720h" help:"How long issued orders are remembered, and results are kept."`
}

// Help gives examples.
func (runCommand) Help() string {
	return `Examples:
  hpplink run --redis redis://127.0.0.1:6379/0
  HPPLINK_API_KEY_FILE=/run/secrets/api-key hpplink run

It works until SIGTERM or Ctrl-C, then finishes what is in flight. A second one ends it at once;
nothing is lost then either, but orders in flight wait until another worker takes them over.`
}

// minMaxAge is a time in which a gateway that stumbles once can still be asked again.
const minMaxAge = time.Minute

func (c *runCommand) check() error {
	if err := c.Redis.Check(); err != nil {
		return err
	}
	if c.MaxAge < minMaxAge {
		return config.Errors{fmt.Errorf("--max-age / HPPLINK_MAX_AGE: %v is below %v", c.MaxAge, minMaxAge)}
	}
	if err := app.CheckAges(c.Retention, c.MaxAge); err != nil {
		return err
	}
	if c.Concurrency < 1 || c.Concurrency > 10_000 {
		return config.Errors{fmt.Errorf("--concurrency / HPPLINK_CONCURRENCY: %d is not between 1 and 10000", c.Concurrency)}
	}
	return nil
}

// Run is the worker.
func (c *runCommand) Run(ctx context.Context, s Streams) error {
	if err := c.check(); err != nil {
		return err
	}
	profile, err := c.Profile(c.Merchant)
	if err != nil {
		return err
	}
	log := c.Logger(s.Err)
	base, err := app.Open(ctx, c.Redis.Redis, c.Namespace, c.Retention, log)
	if err != nil {
		return err
	}
	defer base.Close()
	worker, err := base.StartWorker(ctx, app.WorkerConfig{
		Merchants: merchant.NewDirectory(profile), Concurrency: c.Concurrency, MaxAge: c.MaxAge,
	})
	if err != nil {
		return err
	}
	log.Info("working", "version", Version(), "redis", base.Redis.Addr(), "namespace", c.Namespace, "merchant", profile.ID,
		"gateway", profile.GatewayURL.String(), "gateway_timeout", profile.Timeout.String(), "concurrency", c.Concurrency,
		"max_age", c.MaxAge.String(), "retention", c.Retention.String())
	<-ctx.Done()
	log.Info("finishing what is in flight; a second signal ends it at once")
	if err := worker.Stop(); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}
