package intake

import (
	"errors"
	"fmt"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// Prepare makes a valid order event into what the ledger takes. The error is an
// *order.InvalidError that lists everything wrong with it; the submission then holds its key,
// as far as it could be read.
func (d *Door) Prepare(json []byte, lane order.Lane) (ledger.Submission, error) {
	o, err := order.Decode(json)
	if err != nil {
		return ledger.Submission{}, err
	}
	profile, missing := d.profile(o)
	s := ledger.Submission{Key: o.Key(), Lane: lane, Fingerprint: o.Fingerprint()}
	o.Fill(profile)
	if err := all(o.Validate(), missing, undeliverable(o)); err != nil {
		return s, err
	}
	s.Order = o.Encode()
	return s, nil
}

// profile finds the defaults for an order. Where only one merchant is set up, an order that
// names none is that one's. A door without a directory leaves it to the worker which merchants
// there are.
func (d *Door) profile(o *order.Order) (order.Defaults, error) {
	if d.merchants == nil {
		return order.Defaults{}, nil
	}
	known := d.merchants.All()
	if o.MerchantID == "" && len(known) == 1 {
		o.MerchantID = known[0].ID
	}
	p, found := d.merchants.Lookup(o.MerchantID)
	if !found && o.MerchantID != "" {
		return order.Defaults{}, problem("/merchant_id", "there is no profile for this merchant: check its spelling, or set the merchant up")
	}
	return p.Defaults, nil
}

// undeliverable refuses what nobody would send: a promise that is not kept is worse than none.
func undeliverable(o *order.Order) error {
	if o.Delivery == nil || o.Delivery.Email == nil {
		return nil
	}
	return problem("/delivery/email", "sending links by email is not set up: leave delivery out and take the link from the result stream")
}

func problem(field, format string, args ...any) error {
	return &order.InvalidError{Problems: []order.Problem{{Field: field, Message: fmt.Sprintf(format, args...)}}}
}

// all joins the problems of several checks into one error.
func all(errs ...error) error {
	joined := &order.InvalidError{}
	for _, err := range errs {
		var invalid *order.InvalidError
		if errors.As(err, &invalid) {
			joined.Problems = append(joined.Problems, invalid.Problems...)
		} else if err != nil {
			return err
		}
	}
	if len(joined.Problems) == 0 {
		return nil
	}
	return joined
}
