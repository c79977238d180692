package gateway_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/order"
)

// reference is the body as the JSON library would write it.
type reference struct {
	ReturnURL       jsontext.Value `json:"return_url,omitzero"`
	Amount          jsontext.Value `json:"amount,omitzero"`
	Currency        string         `json:"currency,omitzero"`
	MerchantID      string         `json:"merchant_id"`
	MerchantEmail   string         `json:"merchant_email,omitzero"`
	Ref             string         `json:"merchant_txn_ref"`
	PaymentMethod   jsontext.Value `json:"payment_method,omitzero"`
	BillingAddress  jsontext.Value `json:"billing_address,omitzero"`
	ShippingAddress jsontext.Value `json:"shipping_address,omitzero"`
	CustomerIP      string         `json:"customer_ip,omitzero"`
	TimeZone        string         `json:"time_zone,omitzero"`
	Extra           jsontext.Value `json:",embed"`
}

// FuzzBody: whatever the values hold, the body is what the library would write, or refused as the library would.
func FuzzBody(f *testing.F) {
	f.Add("r", "203.0.113.7", []byte(`{"country": "JP"}`), []byte(`{"z":[1.50,"\u0041/\/"],"a":{"delivery":1e2}}`))
	f.Add("\xff", "", []byte(`{"a":1,"a":2}`), []byte(` { } `))
	f.Add("", "\u2028", []byte(`{},"amount":5`), []byte(`{"amount":5}`))
	f.Add("界", "\x00<>", []byte(``), []byte(`{"a":1,"\u0061":2}`))
	f.Add("r", "", []byte(`null`), []byte(`{"merchant_id":"m"}`))
	f.Add("r", "", []byte(`{"\ud800":1}`), []byte(`{"customer_ip":"m"}`))
	f.Add("r", "i", []byte(`{`), []byte(`{"customer\u005fip":"m"}`))
	f.Add("r", "", []byte(`{}`), []byte(`[]`))
	f.Add("r", "", []byte(`{}`), []byte(`{},"z":1,"y":{}`))
	f.Add("r", "", []byte("{\"a\":\"\xff\"}"), []byte("{\"\xff\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, ref, ip string, address, extra []byte) {
		o := &order.Order{MerchantID: "m", Ref: ref, Currency: "JPY", CustomerIP: ip, BillingAddress: address, Extra: extra}
		got, ok := gateway.Write(o, jsontext.Value("10.5"))
		want, err := json.Marshal(reference{
			Amount: jsontext.Value("10.5"), Currency: "JPY", MerchantID: "m", Ref: ref, CustomerIP: ip, BillingAddress: address, Extra: extra,
		}, jsontext.PreserveRawStrings(true))
		if ok != (err == nil) || ok && string(got) != string(want) {
			t.Errorf("%v\n%s\nwant %v\n%s", ok, got, err, want)
		}
	})
}
