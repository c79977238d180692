//go:build faults

package faults

import (
	"context"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
)

const burst = 10 // orders that a producer hands in together

// produce hands in the row's orders, spread over its time, each until it is accepted or known.
func (s *system) produce() error {
	begun, n := time.Now(), s.row.orders()
	door := s.base.Door(nil)
	for from := 0; from < n; from += burst {
		time.Sleep(time.Until(begun.Add(s.row.over() * time.Duration(from) / time.Duration(n))))
		if err := s.submit(door, from, min(from+burst, n)); err != nil {
			return err
		}
	}
	return nil
}

// submit hands orders in, again and again while Redis does not say what became of them.
func (s *system) submit(door *intake.Door, from, to int) error {
	var events []intake.Event
	for i := from; i < to; i++ {
		events = append(events, intake.Event{JSON: s.orderJSON(i), Lane: laneOf(i)})
	}
	for len(events) > 0 {
		var again []intake.Event
		for i, r := range door.Submit(context.Background(), events) {
			switch r.Status {
			case intake.Accepted, intake.Known:
			case intake.Unknown:
				again = append(again, events[i])
			default:
				return fmt.Errorf("order %s: %+v", r.Key, r)
			}
		}
		if events = again; len(again) > 0 {
			if time.Now().After(s.deadline) {
				return fmt.Errorf("%d orders were never accepted", len(again))
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	return nil
}

// resubmit hands in every order once more, as a producer does that does not trust a Redis that lost power.
func (s *system) resubmit() {
	s.t.Helper()
	door := s.base.Door(nil)
	for from := 0; from < s.row.orders(); from += burst {
		if err := s.submit(door, from, min(from+burst, s.row.orders())); err != nil {
			s.t.Fatal(err)
		}
	}
}

// laneOf puts every fourth order on the bulk lane.
func laneOf(i int) order.Lane {
	if i%4 == 3 {
		return order.Bulk
	}
	return order.Interactive
}

func refOf(i int) string { return fmt.Sprintf("F-%06d", i) }

func keyOf(i int) order.Key { return order.Key{MerchantID: merchantID, Ref: refOf(i)} }

func amountOf(i int) string { return fmt.Sprint(1000 + i) }

func (s *system) orderJSON(i int) []byte {
	delivery := ""
	if s.row.mail {
		delivery = fmt.Sprintf(`,"delivery":{"email":{"to":%q,"name":"山田","locale":"ja"}}`, recipientOf(i))
	}
	return fmt.Appendf(nil, `{"return_url":{"success_url":"https://shop.example/ok"},"amount":%s,"currency":"JPY",`+
		`"merchant_id":%q,"merchant_email":"m@shop.example","merchant_txn_ref":%q,`+
		`"payment_method":{"type":"scheme"},"billing_address":{"country":"JP","city":"Shinjuku-ku"}%s}`, amountOf(i), merchantID, refOf(i), delivery)
}
