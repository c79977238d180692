package tracing

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	parentField = "traceparent"
	// parentLength bounds what is looked at: 55 bytes now, and some more in later versions of the standard.
	parentLength = 256
)

// under returns a context in which spans are children of the one that a traceparent names. One that is not valid names none.
func under(traceparent string) (ctx context.Context, found bool) {
	if traceparent == "" || len(traceparent) > parentLength {
		return context.Background(), false
	}
	ctx = propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{parentField: traceparent})
	return ctx, trace.SpanContextFromContext(ctx).IsValid()
}

// parentOf returns the traceparent that names the span of a context.
func parentOf(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[parentField]
}
