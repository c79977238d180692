package tracing_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/tracing"
)

// FuzzTraceparent: whatever comes as one, the order is worked under a valid one of ours, and under the same trace if it was valid.
func FuzzTraceparent(f *testing.F) {
	for _, seed := range []string{
		callers, "", broken, strings.ToUpper(callers), callers + "-more", "ff" + callers[2:], "cc" + callers[2:] + "-what-ever", callers[:54],
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-" + callersTrace + "-0000000000000000-01", callers[:53] + "ff",
		strings.Repeat("-", 1<<16), callers + "\r\n", "\x00", "é" + callers, strings.Repeat("cc-", 100),
	} {
		f.Add(seed)
	}
	f.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	f.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	traces := setup(f)
	begin, observer := traces.Intake(tracing.Stream), traces.Observers(shops)[0]
	f.Fuzz(func(t *testing.T, given string) {
		ours, answered := begin(intake.Event{Lane: order.Bulk, Trace: given})
		answered(receiptR1)
		got := contextOf(ours)
		if len(ours) != len(callers) || !got.IsValid() || !got.IsSampled() {
			t.Fatalf("%q became %q", given, ours)
		}
		if sent := contextOf(given); sent.IsValid() && len(given) < 256 && got.TraceID() != sent.TraceID() {
			t.Errorf("%q became %q, of another trace", given, ours)
		}
		attempt := exampleAttempt
		attempt.Attempt.Trace = given // as some hand may have written it into a record
		observer.Attempted(ctx, attempt)
	})
}

func contextOf(traceparent string) trace.SpanContext {
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent}))
}
