package order

import (
	"bytes"
	"regexp"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// field is one top-level key of the event: how it gets into an Order and out.
type field struct {
	name  string
	tag   byte // names the field in Fingerprint.Fields, never reused; 0 keeps it out
	read  func(*Order, jsontext.Value)
	write func(jsontext.Value, *Order) jsontext.Value // appends it, nothing when absent
}

// fields are all keys there are, in the order in which Encode writes them.
var fields = []field{
	text("merchant_id", 0, func(o *Order) *string { return &o.MerchantID }),
	text("merchant_txn_ref", 0, func(o *Order) *string { return &o.Ref }),
	{"amount", 'a', readAmount, writeAmount},
	text("currency", 'c', func(o *Order) *string { return &o.Currency }),
	text("merchant_email", 'm', func(o *Order) *string { return &o.MerchantEmail }),
	object("return_url", 'r', func(o *Order) *jsontext.Value { return &o.ReturnURL }),
	object("payment_method", 'p', func(o *Order) *jsontext.Value { return &o.PaymentMethod }),
	object("billing_address", 'b', func(o *Order) *jsontext.Value { return &o.BillingAddress }),
	object("shipping_address", 's', func(o *Order) *jsontext.Value { return &o.ShippingAddress }),
	text("customer_ip", 'i', func(o *Order) *string { return &o.CustomerIP }),
	text("time_zone", 'z', func(o *Order) *string { return &o.TimeZone }),
	object("extra", 'x', func(o *Order) *jsontext.Value { return &o.Extra }),
	{"delivery", 'd', readDelivery, writeDelivery},
	{"metadata", 0, readMetadata, writeMetadata},
	{"expires_at", 'e', readExpiresAt, writeExpiresAt},
}

// byQuotedName finds a field by its name as it is usually written.
var byQuotedName = map[string]*field{}

func init() {
	for i := range fields {
		byQuotedName[string(quote(fields[i].name))] = &fields[i]
	}
}

func fieldByName(quoted jsontext.Value) *field {
	if f := byQuotedName[string(quoted)]; f != nil || bytes.IndexByte(quoted, '\\') < 0 {
		return f
	}
	return byQuotedName[string(quote(unquote(quoted)))]
}

func text(name string, tag byte, in func(*Order) *string) field {
	at := "/" + name
	return field{name, tag,
		func(o *Order, v jsontext.Value) { *in(o), _ = o.text(at, v) },
		func(dst jsontext.Value, o *Order) jsontext.Value { return appendUnlessEmpty(dst, *in(o)) },
	}
}

func object(name string, tag byte, in func(*Order) *jsontext.Value) field {
	at := "/" + name
	return field{name, tag,
		func(o *Order, v jsontext.Value) {
			if o.is('{', at, v) {
				*in(o) = v
			}
		},
		func(dst jsontext.Value, o *Order) jsontext.Value { return append(dst, *in(o)...) },
	}
}

// is says whether v is of a kind, and notes a problem if not. null is not taken
// for absence: an amount that is null by mistake would let the customer choose it.
func (o *Order) is(kind jsontext.Kind, field string, v jsontext.Value) bool {
	switch got := v.Kind(); got {
	case kind:
		return true
	case 'n':
		o.malformed(field, "is null: leave the key out instead")
	default:
		o.malformed(field, "is a JSON %s: it must be %s %s", kindName(got), article(kind), kindName(kind))
	}
	return false
}

func article(k jsontext.Kind) string {
	if k == '{' {
		return "an"
	}
	return "a"
}

// text returns a non-empty string. An empty one is as much a slip as null.
func (o *Order) text(field string, v jsontext.Value) (string, bool) {
	if !o.is('"', field, v) {
		return "", false
	}
	s := unquote(v)
	if s == "" {
		o.malformed(field, "is empty: give it a value or, if it is optional, leave the key out")
	}
	return s, s != ""
}

// rfc3339 refuses what time.Parse lets pass: hours of one digit, decimal commas,
// offsets of more than a day.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

func readExpiresAt(o *Order, v jsontext.Value) {
	s, ok := o.text("/expires_at", v)
	if !ok {
		return
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || !rfc3339.MatchString(s) {
		o.malformed("/expires_at", "is not a time of RFC 3339: write it like 2030-01-31T23:59:59Z")
		return
	}
	if t = t.UTC(); t.Year() < 2000 || t.Year() > 9999 {
		o.malformed("/expires_at", "lies outside the years 2000 to 9999")
		return
	}
	o.ExpiresAt = t
}

func writeExpiresAt(dst jsontext.Value, o *Order) jsontext.Value {
	if o.ExpiresAt.IsZero() {
		return dst
	}
	return appendQuoted(dst, o.ExpiresAt.UTC().Format(time.RFC3339Nano))
}
