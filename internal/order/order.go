// Package order knows the order event: its fields and limits, money, validation,
// identity and fingerprint. It knows nothing of Redis, HTTP, queues or merchants'
// credentials, and it reads no clock.
package order

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Lane says how urgent an order is: whether somebody waits for its link.
type Lane string

const (
	// Interactive orders have a person waiting.
	Interactive Lane = "interactive"
	// Bulk orders come by the thousand and give way to interactive ones.
	Bulk Lane = "bulk"
)

// Order is a decoded order event: the gateway's request body plus our own keys.
// It prints and logs as merchant and ref only; Encode writes all of it.
type Order struct {
	MerchantID    string
	Ref           string // merchant_txn_ref
	Amount        string // canonical decimal text ("1000", "12.5"); "" when the customer enters it
	Currency      string
	MerchantEmail string

	ReturnURL       jsontext.Value // compact JSON objects, otherwise as they came; nil when absent
	PaymentMethod   jsontext.Value
	BillingAddress  jsontext.Value
	ShippingAddress jsontext.Value
	CustomerIP      string
	TimeZone        string
	Extra           jsontext.Value // merged into the gateway's body untouched

	Delivery  *Delivery         // ours, never sent to the gateway
	Metadata  map[string]string // ours, echoed in results; nil when absent or empty
	ExpiresAt time.Time         // ours, UTC; zero when absent

	form []Problem // what Decode could not put into a field; Validate reports it
}

// Delivery asks for the link to be sent to the customer.
type Delivery struct {
	Email *EmailDelivery `json:"email,omitempty"`
}

// EmailDelivery names the recipient of the link.
type EmailDelivery struct {
	To     string `json:"to"`
	Name   string `json:"name,omitempty"`
	Locale string `json:"locale,omitempty"` // BCP 47, "ja" or "en-GB"
}

// Key returns the order's identity.
func (o *Order) Key() Key { return Key{MerchantID: o.MerchantID, Ref: o.Ref} }
