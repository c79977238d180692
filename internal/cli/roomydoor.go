package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
)

// roomLook is how often it is looked whether a merchant has room again.
const roomLook = time.Second

// roomyDoor hands orders in, and waits with those of a merchant of whom too many are open, until there is room.
type roomyDoor struct {
	door *intake.Door
	say  io.Writer // for people
	said bool
}

// submit answers each event. What is still Full then was not taken, because the context ended.
func (d *roomyDoor) submit(ctx context.Context, events []intake.Event) []intake.Receipt {
	receipts := d.door.Submit(ctx, events)
	for {
		waiting := full(receipts)
		if len(waiting) == 0 || ctx.Err() != nil {
			return receipts
		}
		if !d.said {
			d.said = true
			fmt.Fprintf(d.say, "hpplink: merchant %s has as many open orders as it may (max_open): waiting for room; Ctrl-C ends that\n",
				receipts[waiting[0]].Key.MerchantID)
		}
		select {
		case <-ctx.Done():
			return receipts
		case <-time.After(roomLook):
		}
		again := make([]intake.Event, len(waiting))
		for i, at := range waiting {
			again[i] = events[at]
		}
		for i, r := range d.door.Submit(ctx, again) {
			receipts[waiting[i]] = r
		}
	}
}

// full lists the receipts of orders that there was no room for.
func full(receipts []intake.Receipt) (at []int) {
	for i, r := range receipts {
		if r.Status == intake.Full {
			at = append(at, i)
		}
	}
	return at
}
