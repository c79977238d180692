package app

import (
	"context"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/tracing"
)

// Trace begins to trace orders if the environment asks for it; what is left is exported when the Base is closed. The error says
// what is wrong with what it asks for. Call it before anything else begins.
func (b *Base) Trace(ctx context.Context, version string) error {
	t, err := tracing.Setup(ctx, tracing.Config{Namespace: b.Namespace, Version: version, Log: b.Log})
	if err != nil {
		return err
	}
	b.tracing = t
	b.steps.add("traces", func() error {
		t.Shutdown()
		return nil
	})
	return nil
}

// Tracer makes the spans of orders that come in by a way; it is nil, for none, unless Trace was asked to.
func (b *Base) Tracer(w tracing.Way) intake.Tracer { return b.tracing.Intake(w) }
