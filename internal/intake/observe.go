package intake

import "context"

// Observer is told of events that were handed in, after they were answered, with a receipt for each. It must not block.
type Observer func(ctx context.Context, events []Event, receipts []Receipt)

// Observe has observers told of all that comes in, and returns the door. Call it before the door is used.
func (d *Door) Observe(all ...Observer) *Door {
	d.observers = append(d.observers, all...)
	return d
}

// Told tells those who observe of an event that was taken in without Submit: a task that held a whole order.
func (d *Door) Told(ctx context.Context, e Event, r Receipt) {
	if len(d.observers) > 0 {
		d.tell(ctx, []Event{e}, []Receipt{r})
	}
}

func (d *Door) tell(ctx context.Context, events []Event, receipts []Receipt) {
	for _, o := range d.observers {
		o(ctx, events, receipts)
	}
}
