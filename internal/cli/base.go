package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
)

// openBase opens what a command that takes orders, or publishes, is built on, with the partitions and the durability that
// are asked for.
func openBase(ctx context.Context, r config.Redis, retention time.Duration, log *slog.Logger) (*app.Base, error) {
	base, err := app.Open(ctx, r.Redis, r.Namespace, retention, log)
	if err != nil {
		return nil, err
	}
	if r.Partitions > 0 {
		err = base.Partition(ctx, r.Partitions)
	}
	if err == nil && r.Durable() {
		err = base.Durable(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, base.Close())
	}
	return base, nil
}
