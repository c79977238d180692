package order

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits, counted in characters. The gateway sets those of the identity.
const (
	maxMerchantID = 128
	maxRef        = 45
)

// Validate returns an *InvalidError with everything that is wrong with the order,
// or nil. Call it after Fill: what a merchant's defaults supply is not missing.
func (o *Order) Validate() error {
	r := newReport(o.form)
	r.identifier("/merchant_id", o.MerchantID, maxMerchantID)
	r.identifier("/merchant_txn_ref", o.Ref, maxRef)
	r.currency(o.Currency)
	r.amount(o.Amount, o.Currency)
	if r.present("/merchant_email", o.MerchantEmail != "") {
		r.email("/merchant_email", o.MerchantEmail, 45)
	}
	if r.present("/return_url", o.ReturnURL != nil) {
		r.returnURL(o.ReturnURL)
	}
	if r.present("/payment_method", o.PaymentMethod != nil) {
		r.paymentMethod(o.PaymentMethod)
	}
	if r.present("/billing_address", o.BillingAddress != nil) {
		r.address("/billing_address", o.BillingAddress)
	}
	r.optional(o)
	if len(r.problems) == 0 {
		r.readable(o)
	}
	return r.err()
}

// readable makes sure that Decode will read what Encode writes. Defaults may
// have made an order too large, or be nested too deeply. All else has been looked
// at: each value is JSON by itself, and so is an object of them.
func (r *report) readable(o *Order) {
	data := o.Encode()
	if len(data) <= MaxBytes && !mayBeDeep(data) {
		return
	}
	var invalid *InvalidError
	if errors.As(wellFormed(data), &invalid) {
		r.problems = append(r.problems, invalid.Problems...)
	}
}

// ValidateMerchantID returns an *InvalidError with what is wrong with a merchant
// id by the rules for orders, or nil.
func ValidateMerchantID(id string) error {
	r := newReport(nil)
	r.identifier("/merchant_id", id, maxMerchantID)
	return r.err()
}

func (r *report) present(field string, there bool) bool {
	if !there {
		r.required(field)
	}
	return there
}

// optional checks what an order need not have.
func (r *report) optional(o *Order) {
	if o.ShippingAddress != nil {
		r.address("/shipping_address", o.ShippingAddress)
	}
	if o.CustomerIP != "" {
		r.ip("/customer_ip", o.CustomerIP)
	}
	r.atMost("/time_zone", o.TimeZone, 128)
	r.noControls("/time_zone", o.TimeZone)
	if o.Extra != nil {
		r.extra(o.Extra)
	}
	if o.Delivery != nil {
		r.delivery(o.Delivery)
	}
	r.metadata(o.Metadata)
	if y := o.ExpiresAt.UTC().Year(); !o.ExpiresAt.IsZero() && (y < 2000 || y > 9999) {
		r.add("/expires_at", "lies outside the years 2000 to 9999")
	}
}

// object returns the members of a JSON object, or notes that v is none. Decode
// has seen to that; orders and defaults made in Go have not been through it.
func (r *report) object(field string, v jsontext.Value) ([]member, bool) {
	all, ok := membersOf(v)
	if !ok {
		r.add(field, "is not a JSON object")
	}
	return all, ok
}

// member returns a string member's text; ok is false if it is absent or, which
// is noted, not a string.
func (r *report) member(parent, name string, all []member) (s string, ok bool) {
	v := find(all, name)
	if v == nil {
		return "", false
	}
	if v.Kind() != '"' {
		r.add(pointer(parent, name), "is a JSON %s: it must be a string, or left out", kindName(v.Kind()))
		return "", false
	}
	return unquote(v), true
}

var returnURLs = []string{"webhook_url", "success_url", "decline_url", "cancel_url"}

func (r *report) returnURL(v jsontext.Value) {
	all, ok := r.object("/return_url", v)
	if !ok {
		return
	}
	known := 0
	for _, name := range returnURLs {
		if find(all, name) != nil {
			known++
		}
		if s, ok := r.member("/return_url", name, all); ok {
			r.webAddress(pointer("/return_url", name), s)
		}
	}
	if known == 0 {
		r.add("/return_url", "has no address: give at least one of %s", strings.Join(returnURLs, ", "))
	}
}

// paymentMethod looks at the two documented members. The type may be left out:
// the customer then chooses on the page.
func (r *report) paymentMethod(v jsontext.Value) {
	all, ok := r.object("/payment_method", v)
	if !ok {
		return
	}
	if s, ok := r.member("/payment_method", "type", all); ok && strings.TrimSpace(s) == "" {
		r.add("/payment_method/type", "is empty: write a type like \"scheme\"")
	}
	if v := find(all, "store_payment_method"); v != nil && v.Kind() != 't' && v.Kind() != 'f' {
		r.add("/payment_method/store_payment_method", "is a JSON %s: it must be true or false", kindName(v.Kind()))
	}
}

// addressLimits are those of the gateway's older manual, in characters.
var addressLimits = []struct {
	name string
	most int
}{{"phone_number", 20}, {"address1", 199}, {"city", 65}, {"state", 65}, {"postal_code", 45}}

func (r *report) address(field string, v jsontext.Value) {
	all, ok := r.object(field, v)
	if !ok {
		return
	}
	if s, ok := r.member(field, "country", all); ok {
		r.country(pointer(field, "country"), s)
	}
	if s, ok := r.member(field, "email", all); ok {
		r.email(pointer(field, "email"), s, 45)
	}
	for _, limit := range addressLimits {
		if s, ok := r.member(field, limit.name, all); ok && len(s) > limit.most { // no fewer bytes than characters
			r.atMost(pointer(field, limit.name), s, limit.most)
		}
	}
}

// extra refuses keys of the event, in any case: a gateway that reads names
// without regard to case would take the last one.
func (r *report) extra(v jsontext.Value) {
	all, _ := r.object("/extra", v)
	for _, m := range all {
		for _, f := range fields {
			if strings.EqualFold(m.name, f.name) {
				r.add(pointer("/extra", m.name), "is a key of the order itself: give it at the top level as %q", f.name)
			}
		}
	}
}
