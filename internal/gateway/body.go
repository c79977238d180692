package gateway

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/order"
)

// body is a JSON object while it is written.
type body struct {
	content []byte
	invalid bool // a value is no JSON
}

// write makes the gateway's request as documented (page hpp/generate-link), its
// fields in the order of the example there. What else an order holds is ours and
// stays here. It reports false if a value is not valid JSON by RFC 7493, or extra
// names what the order has.
func write(o *order.Order, amount jsontext.Value) ([]byte, bool) {
	b := body{content: append(make([]byte, 0, 1536), '{')} // room for most orders
	b.value("return_url", o.ReturnURL)
	b.value("amount", amount)
	b.optional("currency", o.Currency)
	b.text("merchant_id", o.MerchantID)
	b.optional("merchant_email", o.MerchantEmail)
	b.text("merchant_txn_ref", o.Ref)
	b.value("payment_method", o.PaymentMethod)
	b.value("billing_address", o.BillingAddress)
	b.value("shipping_address", o.ShippingAddress)
	b.optional("customer_ip", o.CustomerIP)
	b.optional("time_zone", o.TimeZone)
	if len(o.Extra) > 0 {
		b.members(o.Extra)
	}
	b.content = append(b.content, '}')
	return b.content, !b.invalid
}

func (b *body) name(name string) {
	b.separate()
	b.content = append(b.content, '"')
	b.content = append(b.content, name...)
	b.content = append(b.content, '"', ':')
}

func (b *body) separate() {
	if b.content[len(b.content)-1] != '{' {
		b.content = append(b.content, ',')
	}
}

func (b *body) text(name, s string) {
	b.name(name)
	b.note(jsontext.AppendQuote(b.content, s))
}

func (b *body) optional(name, s string) {
	if s != "" {
		b.text(name, s)
	}
}

// value writes JSON without its blanks and otherwise as it is. Each value is
// checked by itself: one that is no JSON could end its field and begin another.
func (b *body) value(name string, v jsontext.Value) {
	if v != nil {
		b.name(name)
		b.note(jsontext.AppendFormat(b.content, v, jsontext.PreserveRawStrings(true)))
	}
}

// members writes an object's members beside the others. The whole is checked
// afterwards, for names given twice.
func (b *body) members(object jsontext.Value) {
	inner, err := jsontext.AppendFormat(nil, object, jsontext.PreserveRawStrings(true))
	if err != nil || inner[0] != '{' {
		b.invalid = true
		return
	}
	if inner = inner[1 : len(inner)-1]; len(inner) == 0 {
		return
	}
	b.separate()
	b.content = append(b.content, inner...)
	b.invalid = b.invalid || !jsontext.Value(append(b.content, '}')).IsValid()
}

func (b *body) note(content []byte, err error) {
	b.content, b.invalid = content, b.invalid || err != nil
}
