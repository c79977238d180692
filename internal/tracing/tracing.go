// Package tracing makes OpenTelemetry spans of an order's way: one where it comes in, and below it its wait in the queue, each
// attempt with its call of the gateway, the publication and the email. It exports them by OTLP, as the standard environment
// variables say (OTEL_…).
//
// It knows OpenTelemetry and nobody else does: the others carry an order's trace context as text, and tell what they did after it
// was done. Spans hold ids, words and numbers: never what an order holds, nor keys, nor the text of a foreign error.
//
// Of a trace context the traceparent is carried. The tracestate is dropped: it is text of others of which we would keep up to 512
// bytes with each order, without knowing what is in it.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// flushBound is how long Shutdown tries to export what is left.
const flushBound = 5 * time.Second

// scope names the code that makes the spans.
const scope = "github.com/hpplink/hpplink"

// Tracing makes spans and exports them, in batches and beside the work: where the collector is away or slow, spans are dropped.
// It is safe for concurrent use. A nil Tracing makes none.
type Tracing struct {
	provider *sdktrace.TracerProvider
	exporter *otlptrace.Exporter
	tracer   trace.Tracer
	names    names
	flush    time.Duration // flushBound, but for tests
	log      *slog.Logger
}

// Config names who makes the spans.
type Config struct {
	Namespace string // as of the Redis keys and queues
	Version   string
	Log       *slog.Logger
}

// Check says where the environment asks traces to be sent, "" for nowhere. The error lists everything that is wrong with that.
func Check() (where string, err error) {
	e := readEnvironment()
	if !e.on() {
		return "", nil
	}
	return e.where(), e.check()
}

// Setup begins to trace if the environment asks for it, and returns nil if not. The error lists everything that is wrong with what
// it asks for. Shut it down at the end.
func Setup(ctx context.Context, c Config) (*Tracing, error) {
	e := readEnvironment()
	if !e.on() {
		return nil, nil
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	listen(c.Log, e.secrets())
	exporter, err := e.exporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("the exporter of traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("hpplink"), semconv.ServiceVersion(c.Version)),
		resource.WithFromEnv()) // last, so that it has the last word
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: write it as NAME=VALUE,NAME=VALUE")
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, e.batching()...), sdktrace.WithResource(about))
	return &Tracing{provider: provider, exporter: exporter, tracer: provider.Tracer(scope), names: namesOf(c.Namespace), flush: flushBound, log: c.Log}, nil
}

func (e environment) exporter(ctx context.Context) (*otlptrace.Exporter, error) {
	if e.protocol() == "grpc" {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// Shutdown exports what is left, for 5 seconds at most. Spans that end after that are dropped.
func (t *Tracing) Shutdown() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.flush)
	defer cancel()
	if t.provider.Shutdown(ctx) == nil {
		return
	}
	_ = t.exporter.Shutdown(ctx) // it is over already, which cuts off the export under way
	t.log.Warn("the last traces were not exported: the collector did not take them in time", "within", t.flush.String())
}
