package stream

import (
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// The fields of an entry. Others are ignored.
const (
	orderField = "order"       // the order event, JSON
	laneField  = "lane"        // absent or empty for interactive
	traceField = "traceparent" // of the span that added it, as W3C Trace Context has it; one that is not valid is ignored
)

// maxKeptFields bounds what a dead letter or a waiting entry repeats of fields that mean nothing to us.
const maxKeptFields = 32

// entry is an entry of a stream of orders as it was handed to a consumer.
type entry struct {
	id         string
	deliveries int               // this one included
	fields     map[string]string // nil when somebody deleted the entry after it was handed out
}

func entryOf(m redis.XMessage) entry {
	e := entry{id: m.ID, deliveries: 1, fields: make(map[string]string, len(m.Values))}
	for name, value := range m.Values {
		e.fields[name], _ = value.(string)
	}
	return e
}

// entriesOf reads what read.lua returns.
func entriesOf(reply []any) []entry {
	entries := make([]entry, 0, len(reply))
	for _, item := range reply {
		parts, ok := item.([]any)
		if !ok || len(parts) != 3 {
			continue
		}
		e := entry{}
		e.id, _ = parts[0].(string)
		deliveries, _ := parts[1].(int64)
		e.deliveries = int(deliveries)
		if texts, there := parts[2].([]any); there {
			e.fields = fieldsOf(texts)
		}
		entries = append(entries, e)
	}
	return entries
}

// fieldsOf pairs fields and values. Of a field that is given twice the last value counts.
func fieldsOf(texts []any) map[string]string {
	fields := make(map[string]string, len(texts)/2)
	for i := 0; i+1 < len(texts); i += 2 {
		name, _ := texts[i].(string)
		fields[name], _ = texts[i+1].(string)
	}
	return fields
}

// size is what read.lua counts of an entry, in bytes.
func (e entry) size() (n int) {
	for name, value := range e.fields {
		n += len(name) + len(value)
	}
	return n
}

func weight(entries []entry) (n int) {
	for _, e := range entries {
		n += e.size()
	}
	return n
}

// source is the id that answers name: the one the entry had in the stream of orders.
func (e entry) source(waiting bool) string {
	if waiting && e.fields[ledger.SourceField] != "" {
		return e.fields[ledger.SourceField]
	}
	return e.id
}

// kept is what goes along when the entry is moved: the order, the lane, the trace context, and some of what else there is. SourceField is
// ours to give.
func (e entry) kept() map[string]string {
	kept := make(map[string]string, len(e.fields))
	for _, name := range slices.Sorted(maps.Keys(e.fields)) {
		if name == orderField || name == laneField || name == traceField || len(kept) < maxKeptFields {
			kept[name] = e.fields[name]
		}
	}
	delete(kept, ledger.SourceField)
	return kept
}

// decode makes an event of an entry's fields, or says what is wrong with them. The order itself is the door's to judge.
func decode(fields map[string]string) (intake.Event, []order.Problem) {
	var problems []order.Problem
	event := intake.Event{Lane: order.Interactive, Trace: fields[traceField]}
	switch text, there := fields[orderField]; {
	case !there:
		problems = append(problems, order.Problem{Message: `the entry has no field "order": put the order event into it, as JSON`})
	default:
		event.JSON = []byte(text)
	}
	switch lane := order.Lane(fields[laneField]); lane {
	case "", order.Interactive:
	case order.Bulk:
		event.Lane = lane
	default:
		problems = append(problems, order.Problem{Field: laneField, Message: `must be "interactive" or "bulk"; left out it is interactive`})
	}
	return event, problems
}
