package order

import "github.com/go-json-experiment/json/jsontext"

// Defaults are a merchant's values for fields that an order leaves out.
type Defaults struct {
	MerchantEmail  string
	ReturnURL      jsontext.Value
	PaymentMethod  jsontext.Value
	BillingCountry string // billing_address.country
}

// Fill gives the order what it leaves out and the merchant has a default for.
// Objects are taken whole, only the billing address gets a country added. Take
// the Fingerprint first: a changed default must not make a resend a conflict.
func (o *Order) Fill(d Defaults) {
	if o.MerchantEmail == "" {
		o.MerchantEmail = d.MerchantEmail
	}
	if o.ReturnURL == nil && d.ReturnURL != nil {
		o.ReturnURL = compact(d.ReturnURL)
	}
	if o.PaymentMethod == nil && d.PaymentMethod != nil {
		o.PaymentMethod = compact(d.PaymentMethod)
	}
	if d.BillingCountry != "" {
		o.fillCountry(d.BillingCountry)
	}
}

func (o *Order) fillCountry(country string) {
	if o.BillingAddress == nil {
		o.BillingAddress = jsontext.Value("{}")
	}
	all, ok := membersOf(o.BillingAddress)
	if !ok || find(all, "country") != nil {
		return
	}
	o.BillingAddress = compact(appendObject(nil, append(all, member{"country", quote(country)})))
}

// Validate returns an *InvalidError with everything that is wrong with the
// defaults, by the rules for orders, or nil. None of them is required.
func (d Defaults) Validate() error {
	r := newReport(nil)
	if d.MerchantEmail != "" {
		r.email("/merchant_email", d.MerchantEmail, 45)
	}
	if d.ReturnURL != nil {
		r.returnURL(d.ReturnURL)
	}
	if d.PaymentMethod != nil {
		r.paymentMethod(d.PaymentMethod)
	}
	if d.BillingCountry != "" {
		r.country("/billing_address/country", d.BillingCountry)
	}
	return r.err()
}
