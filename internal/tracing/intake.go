package tracing

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
)

// Way is one by which orders come in.
type Way string

// The ways in.
const (
	HTTP    Way = "http"
	Stream  Way = "stream"
	Asynq   Way = "asynq" // a task of a plain asynq client, which holds the whole order
	Enqueue Way = "enqueue"
	Bulk    Way = "bulk"
)

func (w Way) kind() trace.SpanKind {
	switch w {
	case HTTP:
		return trace.SpanKindServer
	case Stream, Asynq:
		return trace.SpanKindConsumer
	}
	return trace.SpanKindProducer
}

// repeats reports whether the way itself hands an event in again that was not answered for good. Then only the last time makes a
// span: an order may wait for room for hours, a second at a time.
func (w Way) repeats() bool { return w == Stream || w == Enqueue || w == Bulk }

// Intake makes a span of each event that comes in by a way: a child of its sender's, or the root of a trace of its own. It returns
// nil, for no spans, where t is nil.
func (t *Tracing) Intake(w Way) intake.Tracer {
	if t == nil {
		return nil
	}
	return func(e intake.Event) (string, func(intake.Receipt)) {
		parent, _ := under(e.Trace)
		ctx, span := t.tracer.Start(parent, "intake", trace.WithSpanKind(w.kind()))
		if !span.SpanContext().IsSampled() {
			return "", func(intake.Receipt) {}
		}
		return parentOf(ctx), func(r intake.Receipt) {
			if w.tells(r) {
				span.SetAttributes(t.names.of(w, e.Lane)...)
				answer(span, e, r)
			}
		}
	}
}

// tells reports whether an answer is for good.
func (w Way) tells(r intake.Receipt) bool {
	return !w.repeats() || r.Status != intake.Full && r.Status != intake.Unknown
}

func answer(span trace.Span, e intake.Event, r intake.Receipt) {
	span.SetAttributes(append(who(r.Key), attrAnswer.String(string(r.Status)))...)
	if r.Generation > 0 {
		span.SetAttributes(attrGeneration.Int(r.Generation))
	}
	if e.Batch != "" {
		span.SetAttributes(attrBatch.String(e.Batch))
	}
	if n := len(r.Problems); n > 0 {
		span.SetAttributes(attrProblems.Int(n))
	}
	if r.Status == intake.Unknown {
		span.SetStatus(codes.Error, "Redis did not say whether it took the order")
	}
	span.End()
}

// of is what is known about any span of a way. It is told last: an event that is not sampled costs little.
func (n *names) of(w Way, lane order.Lane) []attribute.KeyValue {
	known := []attribute.KeyValue{attrWay.String(string(w)), attrLane.String(string(lane))}
	switch w {
	case HTTP:
		return append(known, semconv.HTTPRequestMethodPost)
	case Stream:
		return append(known, n.orders...)
	case Asynq:
		return append(known, n.tasks[lane]...)
	}
	return known
}
