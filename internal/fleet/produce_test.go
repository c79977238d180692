package fleet_test

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
)

const (
	producers = 4
	burst     = 20 // orders that a producer hands in together
)

func refOf(i int) string { return fmt.Sprintf("FLEET-%06d", i) }

// laneOf gives bulk as many orders as it can work beside the others: a fifth of a worker's calls is kept for those of lane
// interactive, which has a half of all besides.
func laneOf(i int) order.Lane {
	if i%8 < 3 {
		return order.Bulk
	}
	return order.Interactive
}

func event(i int) []byte {
	return fmt.Appendf(nil, `{"merchant_id":%q,"merchant_txn_ref":%q,"amount":%d,"currency":"JPY",`+
		`"return_url":{"success_url":"https://shop.example/ok"},"merchant_email":"m@shop.example",`+
		`"payment_method":{"type":"scheme"},"billing_address":{"country":"JP","city":"Shinjuku-ku"}}`, merchantID, refOf(i), 1000+i)
}

// producing is producers at work.
type producing struct {
	resent atomic.Int64 // answers that did not say what became of an order, which was sent again then
	all    errgroup.Group
}

// produce has producers, each with connections of its own, hand in orders at the door, each until it is accepted.
func (f *fleet) produce(from, to int) *producing {
	f.t.Helper()
	p := &producing{}
	for at := range producers {
		door := f.open().Door(nil)
		p.all.Go(func() error {
			for i := from + at*burst; i < to; i += producers * burst {
				if err := p.hand(door, i, min(i+burst, to)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return p
}

// wait returns once all orders are accepted.
func (p *producing) wait(f *fleet) {
	f.t.Helper()
	if err := p.all.Wait(); err != nil {
		f.t.Fatal(err)
	}
}

// hand hands orders in, and those of which Redis did not say what became of them again.
func (p *producing) hand(door *intake.Door, from, to int) error {
	var events []intake.Event
	for i := from; i < to; i++ {
		events = append(events, intake.Event{JSON: event(i), Lane: laneOf(i)})
	}
	for end := time.Now().Add(2 * patience); ; time.Sleep(100 * time.Millisecond) {
		var again []intake.Event
		for i, r := range door.Submit(ctx, events) {
			switch r.Status {
			case intake.Accepted, intake.Known:
			case intake.Unknown:
				again = append(again, events[i])
				if time.Now().After(end) {
					return fmt.Errorf("order %s was never accepted: %w", r.Key, r.Err)
				}
			default:
				return fmt.Errorf("order %s: %+v", r.Key, r)
			}
		}
		if events = again; len(events) == 0 {
			return nil
		}
		p.resent.Add(int64(len(again)))
	}
}
