package intake

import "slices"

// Tracer begins the span of an event. It returns the trace context under which the order is to be worked, "" for none, and
// what is to be told the answer: until then the span is not made. Neither may block.
type Tracer func(Event) (traceparent string, answered func(Receipt))

// Trace has spans made of the events that are handed in, by a tracer that may be nil: then none are, and the trace contexts
// that events came with are dropped. It returns the door. Call it before the door is used.
func (d *Door) Trace(t Tracer) *Door {
	d.tracer = t
	return d
}

// Begin begins the span of an event that is not submitted: a task that holds a whole order is taken in by its claim. answered is
// nil where no spans are made.
func (d *Door) Begin(e Event) (traceparent string, answered func(Receipt)) {
	if d.tracer == nil {
		return "", nil
	}
	return d.tracer(e)
}

// begin returns the events with the trace contexts of their own spans.
func (d *Door) begin(events []Event) (traced []Event, answered func([]Receipt)) {
	if d.tracer == nil {
		return events, func([]Receipt) {}
	}
	traced, each := slices.Clone(events), make([]func(Receipt), len(events))
	for i, e := range events {
		traced[i].Trace, each[i] = d.tracer(e)
	}
	return traced, func(receipts []Receipt) {
		for i, r := range receipts {
			each[i](r)
		}
	}
}
