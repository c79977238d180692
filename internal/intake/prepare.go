package intake

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Prepare makes a valid order event into what the ledger takes. The error is an
// *order.InvalidError that lists everything wrong with it; the submission then holds its key,
// as far as it could be read.
func (d *Door) Prepare(json []byte, lane order.Lane) (ledger.Submission, error) {
	_, s, err := d.prepare(Event{JSON: json, Lane: lane})
	return s, err
}

func (d *Door) prepare(e Event) (*order.Order, ledger.Submission, error) {
	o, err := order.Decode(e.JSON)
	if err != nil {
		return nil, ledger.Submission{}, err
	}
	p, missing := d.profile(o)
	s := ledger.Submission{Key: o.Key(), Lane: e.Lane, Fingerprint: o.Fingerprint(), MaxOpen: cmp.Or(p.MaxOpen, merchant.DefaultMaxOpen)}
	o.Fill(p.Defaults)
	if !e.Tried {
		if err := all(o.Validate(), missing, d.undeliverable(o)); err != nil {
			return o, s, err
		}
	}
	s.Mail = o.Delivery != nil && o.Delivery.Email != nil
	s.Order = o.Encode()
	return o, s, nil
}

// profile finds what is set up for the merchant of an order. Where only one merchant is set up, an order that
// names none is that one's. A door without a directory leaves it to the worker which merchants
// there are.
func (d *Door) profile(o *order.Order) (merchant.Profile, error) {
	if d.merchants == nil {
		return merchant.Profile{}, nil
	}
	if o.MerchantID == "" {
		if p, ok := d.merchants.Default(); ok {
			o.MerchantID = p.ID
		}
	}
	p, found := d.merchants.Lookup(o.MerchantID)
	if !found && o.MerchantID != "" {
		return merchant.Profile{}, problem("/merchant_id", "there is no profile for this merchant: check its spelling, or set the merchant up")
	}
	return p, nil
}

// undeliverable refuses what nobody would send: a promise that is not kept is worse than none.
func (d *Door) undeliverable(o *order.Order) error {
	if o.Delivery == nil || o.Delivery.Email == nil || d.sendsMail() {
		return nil
	}
	return problem("/delivery/email", "no worker sends emails: set HPPLINK_SMTP for the workers, or leave delivery out and take the link from the result stream")
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
