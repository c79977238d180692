package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
)

// openBase opens what a command that takes orders, or publishes, is built on, with the durability that is asked for.
func openBase(ctx context.Context, r config.Redis, retention time.Duration, log *slog.Logger) (*app.Base, error) {
	base, err := app.Open(ctx, r.Redis, r.Namespace, retention, log)
	if err != nil || !r.Durable() {
		return base, err
	}
	if err := base.Durable(ctx); err != nil {
		return nil, errors.Join(err, base.Close())
	}
	return base, nil
}
