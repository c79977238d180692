package bulk

import (
	"context"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/sheet"
)

// ordersPage is how many orders of a batch are looked up at once.
const ordersPage = 500

// Order is an order of a batch, and how it stands; the zero Record if the ledger has forgotten it.
type Order struct {
	Key    order.Key
	Record ledger.Record
}

// Orders calls f with all orders of a batch, some hundreds at a time, in the order in which they came in.
func (d *Desk) Orders(ctx context.Context, id string, f func([]Order) error) error {
	return d.orderPages(ctx, id, func(keys []order.Key) error {
		records, _, err := d.Ledger.Records(ctx, keys)
		if err != nil {
			return err
		}
		orders := make([]Order, len(keys))
		for i, key := range keys {
			orders[i] = Order{key, records[i]}
		}
		return f(orders)
	})
}

func (d *Desk) orderPages(ctx context.Context, id string, f func([]order.Key) error) error {
	for from := 0; ; from += ordersPage {
		keys, err := d.Ledger.BatchOrders(ctx, id, from, ordersPage)
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := f(keys); err != nil {
			return err
		}
	}
}

// StateForgotten is the state of an order that the ledger has forgotten, since it was settled long ago.
const StateForgotten = "forgotten"

// Outcome says how the order stands.
func (o Order) Outcome() sheet.Outcome {
	out := outcomeOf(o.Record)
	if out.State == "" {
		out.State = StateForgotten
	}
	return out
}

// WriteOrders writes all orders of a batch with how they stand, for when its file is not at hand.
func (d *Desk) WriteOrders(ctx context.Context, id, path string, format sheet.Format) (Result, error) {
	w, err := sheet.Create(path, format, []sheet.Column{{Header: "merchant_id", Letter: "A"}, {Header: "merchant_txn_ref", Letter: "B"}})
	if err != nil {
		return Result{}, err
	}
	defer w.Abort()
	var result Result
	err = d.Orders(ctx, id, func(orders []Order) error {
		for _, o := range orders {
			outcome := o.Outcome()
			result.count(outcome)
			row := sheet.Row{Number: result.Rows, Cells: []string{o.Key.MerchantID, o.Key.Ref}}
			if err := w.Write(row, outcome); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	return result, w.Close()
}
