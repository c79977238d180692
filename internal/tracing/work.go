package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/worker"
)

// observer makes the spans of what workers did, after it was done.
type observer struct {
	*Tracing
	merchants *merchant.Directory
}

// Observers are for workers of these merchants: none, where t is nil.
func (t *Tracing) Observers(m *merchant.Directory) []worker.Observer {
	if t == nil {
		return nil
	}
	return []worker.Observer{&observer{t, m}}
}

// Attempted implements worker.Observer.
//
// The ledger's clock and this process' may differ. So each length is the difference of two times of one clock, and all spans are
// put where this process' clock says that the attempt was granted.
func (o *observer) Attempted(_ context.Context, t worker.Attempted) {
	parent, traced := under(t.Attempt.Trace)
	if !traced {
		return
	}
	a := &t.Attempt
	l := line{from: t.Claimed}
	asked, answered, reported := l.at(t.Asked), l.at(t.Answered), l.at(t.Reported)
	if a.Number == 1 {
		o.put(parent, span{name: "queue wait", from: t.Claimed.Add(-waited(a.Accepted, a.Now)), to: t.Claimed, about: who(a.Key)})
	}
	attempt := span{name: "attempt", kind: trace.SpanKindConsumer, from: t.Claimed, to: reported, about: o.attempt(&t), trouble: attemptTrouble(&t)}
	published := t.Settled == ledger.SettledIssued || t.Settled == ledger.SettledFailed
	if published {
		attempt.to = answered
	}
	within := o.put(parent, attempt)
	if !t.Asked.IsZero() {
		o.put(within, span{
			name: "gateway POST", kind: trace.SpanKindClient, from: asked, to: answered,
			about: o.call(a.Key, t.Answer), trouble: callTrouble(t.Answer),
		})
	}
	if published {
		about := append(who(a.Key), attrSettled.String(string(t.Settled)))
		o.put(parent, span{name: "publish", kind: trace.SpanKindProducer, from: answered, to: reported, about: append(about, o.names.results...)})
	}
}

// EmailAttempted implements worker.Observer.
func (o *observer) EmailAttempted(_ context.Context, t worker.EmailAttempted) {
	parent, traced := under(t.Attempt.Trace)
	if !traced {
		return
	}
	l := line{from: t.Claimed}
	o.put(parent, span{
		name: "email", kind: trace.SpanKindConsumer, from: t.Claimed, to: l.at(t.Reported), about: o.email(&t), trouble: emailTrouble(&t),
	})
}

// Recovered implements worker.Observer. The orders' next attempts are in their traces.
func (o *observer) Recovered(order.Lane, int) {}

// span is one that is over.
type span struct {
	name     string
	kind     trace.SpanKind
	from, to time.Time
	about    []attribute.KeyValue
	trouble  string // a short stable word; "" for none
}

// put makes a span, and returns the context for those below it.
func (o *observer) put(parent context.Context, s span) context.Context {
	ctx, made := o.tracer.Start(parent, s.name, trace.WithTimestamp(s.from), trace.WithSpanKind(s.kind), trace.WithAttributes(s.about...))
	if s.trouble != "" {
		made.SetAttributes(semconv.ErrorTypeKey.String(s.trouble))
		made.SetStatus(codes.Error, s.trouble)
	}
	made.End(trace.WithTimestamp(s.to))
	return ctx
}
