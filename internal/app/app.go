// Package app puts the parts together and takes them down again, in order. It knows every part
// and no rule of the domain.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/metrics"
	"github.com/hpplink/hpplink/internal/minutes"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/tracing"
)

// Base is what every command works with: one namespace of one Redis.
type Base struct {
	Redis     *redisconn.Conn
	Namespace string
	Ledger    *partition.Ledger
	Results   *results.Reader
	Log       *slog.Logger

	retention time.Duration
	tracing   *tracing.Tracing  // nil: none
	metrics   *metrics.Metrics  // nil: nobody counts
	minutes   *minutes.Recorder // nil: likewise
	durable   bool              // see Durable
	steps     teardown
}

// Open connects to Redis. Close the Base when done. retention is how long settled orders are
// remembered; zero means the ledger's default.
func Open(ctx context.Context, redisURL, namespace string, retention time.Duration, log *slog.Logger) (*Base, error) {
	if retention == 0 {
		retention = ledger.DefaultRetention
	}
	conn, err := redisconn.Open(ctx, redisURL, log)
	if err != nil {
		return nil, err
	}
	b := &Base{Redis: conn, Namespace: namespace, Log: conn.Quiet(log), retention: retention}
	if err := b.openLedger(ctx); err != nil {
		if _, unfit := conn.Check(ctx); unfit != nil { // which says more
			err = unfit
		}
		return nil, errors.Join(err, conn.Close())
	}
	b.steps.add("redis", conn.Close)
	return b, nil
}

// Close takes down what was opened, last first.
func (b *Base) Close() error { return b.steps.run() }

// Door opens the way in. It is closed with the Base.
func (b *Base) Door(m *merchant.Directory) *intake.Door {
	q := b.queueClient()
	return b.watched(intake.New(b.Ledger, q, m, b.Log))
}

func (b *Base) queueClient() *queue.Client {
	q := queue.NewClient(b.Redis.AsynqOpt(), b.Namespace)
	b.steps.add("queue client", q.Close)
	return q
}

// teardown is a list of steps that are run backwards.
type teardown []step

type step struct {
	name string
	run  func() error
}

func (t *teardown) add(name string, run func() error) { *t = append(*t, step{name, run}) }

func (t *teardown) run() error {
	var errs []error
	for i := len(*t) - 1; i >= 0; i-- {
		if err := (*t)[i].run(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", (*t)[i].name, err))
		}
	}
	*t = nil
	return errors.Join(errs...)
}
