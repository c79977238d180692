package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
)

// OrderEvent describes an order event to people and generators. It decodes nothing: the door does, from the bytes that came, and
// tells everything that is wrong at once.
type OrderEvent struct {
	_               struct{}          `additionalProperties:"false"`
	MerchantID      string            `json:"merchant_id,omitempty" maxLength:"128" doc:"May be left out where one merchant is set up"`
	Ref             string            `json:"merchant_txn_ref" maxLength:"45" doc:"With merchant_id the order's identity"`
	Amount          Amount            `json:"amount,omitzero"`
	Currency        string            `json:"currency" doc:"ISO 4217"`
	MerchantEmail   string            `json:"merchant_email,omitempty" maxLength:"45" doc:"May come from the merchant's settings"`
	ReturnURL       ReturnURL         `json:"return_url,omitzero" doc:"At least one address, unless the merchant's settings have one"`
	PaymentMethod   PaymentMethod     `json:"payment_method,omitzero" doc:"Required, unless the merchant's settings have it"`
	BillingAddress  Address           `json:"billing_address,omitzero" doc:"Required, unless the merchant's settings have it; may be partial"`
	ShippingAddress Address           `json:"shipping_address,omitzero"`
	CustomerIP      string            `json:"customer_ip,omitempty"`
	TimeZone        string            `json:"time_zone,omitempty" maxLength:"128"`
	Extra           map[string]any    `json:"extra,omitempty" doc:"Merged into the gateway's body as it is"`
	Delivery        Delivery          `json:"delivery,omitzero" doc:"Ours: send the link to the customer"`
	Metadata        map[string]string `json:"metadata,omitempty" maxProperties:"50" doc:"Ours: returned with the result"`
	ExpiresAt       string            `json:"expires_at,omitempty" format:"date-time" doc:"Ours: without a link by then the order fails as expired"`
}

// Amount is a number or its text.
type Amount struct{}

// Schema implements huma.SchemaProvider.
func (Amount) Schema(huma.Registry) *huma.Schema {
	zero := 0.0
	return &huma.Schema{
		Description: "Decimal above zero with no more digits than the currency has; without one the customer enters it",
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber, ExclusiveMinimum: &zero}, {Type: huma.TypeString}},
	}
}

// ReturnURL is where the customer, and the gateway's notice, go.
type ReturnURL struct {
	WebhookURL string `json:"webhook_url,omitempty" format:"uri"`
	SuccessURL string `json:"success_url,omitempty" format:"uri"`
	DeclineURL string `json:"decline_url,omitempty" format:"uri"`
	CancelURL  string `json:"cancel_url,omitempty" format:"uri"`
}

// PaymentMethod is how the customer pays.
type PaymentMethod struct {
	Type  string `json:"type,omitempty" example:"scheme"`
	Store bool   `json:"store_payment_method,omitempty"`
}

// Address is a billing or shipping address.
type Address struct {
	Country     string `json:"country,omitempty" doc:"ISO 3166-1"`
	Email       string `json:"email,omitempty" maxLength:"45"`
	PhoneNumber string `json:"phone_number,omitempty" maxLength:"20"`
	Address1    string `json:"address1,omitempty" maxLength:"199"`
	City        string `json:"city,omitempty" maxLength:"65"`
	State       string `json:"state,omitempty" maxLength:"65"`
	PostalCode  string `json:"postal_code,omitempty" maxLength:"45"`
}

// Delivery asks for the link to be sent.
type Delivery struct {
	Email EmailDelivery `json:"email,omitzero"`
}

// EmailDelivery names the recipient.
type EmailDelivery struct {
	To     string `json:"to" format:"email"`
	Name   string `json:"name,omitempty"`
	Locale string `json:"locale,omitempty" doc:"BCP 47, such as ja or en-GB"`
}

// What the document shows.
var (
	exampleOrder = OrderExample{
		"merchant_id": "M-1001", "merchant_txn_ref": "INV-1", "amount": 1000, "currency": "JPY", "merchant_email": "merchant@shop.example",
		"return_url": OrderExample{"success_url": "https://shop.example/ok"}, "payment_method": OrderExample{"type": "scheme"},
		"billing_address": OrderExample{"country": "JP"}, "metadata": OrderExample{"cart": "77"},
	}
	exampleView = lookup.View(order.Key{MerchantID: "M-1001", Ref: "INV-1"},
		ledger.Record{State: ledger.Queued, Generation: 1, Lane: order.Interactive}, nil)
	exampleAnswer = OrderAnswer{intake.Accepted, exampleView}
	exampleLine   = LineAnswer{Line: 1, Status: intake.Accepted, MerchantID: "M-1001", Ref: "INV-1", Generation: 1, State: ledger.Queued}
)

// OrderExample is a part of an example.
type OrderExample = map[string]any

// exampleProblems are the errors of the document; each status says the same everywhere.
var exampleProblems = map[int]*Problem{
	http.StatusBadRequest: {Detail: "the request's parameters are not right: see errors",
		Errors: []FieldError{{"wait", "invalid value: write a time like 20s, up to 1m0s"}}},
	http.StatusUnauthorized:          {Detail: "no token that is known here came with the request: send \"Authorization: Bearer …\""},
	http.StatusForbidden:             {Detail: "without tokens no web page may send requests here from another origin: set a token"},
	http.StatusNotFound:              {Detail: "no order is known under this merchant_id and merchant_txn_ref: check both, and that they are percent-encoded"},
	http.StatusRequestTimeout:        {Detail: "the body did not come within 10s: send it again"},
	http.StatusRequestEntityTooLarge: {Detail: "the body has more than 65536 bytes, which is the most that is taken"},
	http.StatusUnsupportedMediaType:  {Detail: "the body is of another type: send it in UTF-8, not compressed, with \"Content-Type: application/json\""},
	http.StatusConflict: {Detail: conflictDetail, Instance: "/v1/orders/M-1001/INV-1", Fields: []string{"amount"},
		Errors: []FieldError{{"/amount", "differs from the order that is known"}}},
	http.StatusUnprocessableEntity: {Detail: "the order is not valid: see errors",
		Errors: []FieldError{{"/currency", "is missing"}}},
	http.StatusServiceUnavailable: {Detail: "it is not clear whether the order was taken, since Redis did not answer: send it again, which is safe"},
}
