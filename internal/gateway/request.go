package gateway

import (
	"bytes"
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const endpoint = "server-to-server-interface/hpp/generate/link"

// body is the gateway's request as documented (page hpp/generate-link), in the
// order of its example. What else an order holds is ours and stays here.
type body struct {
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

// request builds the POST, or says why there is none to send.
func (e *exchange) request(ctx context.Context) (*http.Request, *Answer) {
	header, problem := e.header()
	if problem != nil {
		return nil, problem
	}
	content, problem := e.content()
	if problem != nil {
		return nil, problem
	}
	target := e.profile.GatewayURL.JoinPath(endpoint).String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(content))
	if err != nil {
		return nil, noProfile("the gateway URL cannot be used; correct it")
	}
	req.Header = header
	// Without GetBody the transport cannot send the body again. With it, it
	// does so by itself: on HTTP/2 after REFUSED_STREAM, GOAWAY and
	// PROTOCOL_ERROR, when the first POST is on the wire already.
	req.GetBody = nil
	return req, nil
}

func noProfile(message string) *Answer {
	a := refused(Misconfigured, "no_profile", message)
	return &a
}

func (e *exchange) header() (http.Header, *Answer) {
	u := e.profile.GatewayURL
	if u == nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, noProfile("the merchant has no usable gateway URL; set one that begins with https://")
	}
	key, xKey := e.profile.APIKey.Reveal(), e.profile.XAPIKey.Reveal()
	if !printable(key) || !printable(xKey) {
		return nil, noProfile("the merchant's API keys are missing or hold blanks or line ends; correct them")
	}
	return http.Header{
		"Authorization": {"Basic " + key},
		"X-Api-Key":     {xKey},
		"Content-Type":  {"application/json"},
		"Accept":        {"application/json"},
		"User-Agent":    {"hpplink"},
	}, nil
}

func (e *exchange) content() ([]byte, *Answer) {
	o := e.order
	amount, err := wireAmount(o.Amount, o.Currency, e.profile.AmountUnit)
	if err != nil {
		a := refused(Rejected, "amount", err.Error())
		return nil, &a
	}
	e.amount = string(amount)
	content, err := json.Marshal(body{
		ReturnURL: o.ReturnURL, Amount: amount, Currency: o.Currency,
		MerchantID: o.MerchantID, MerchantEmail: o.MerchantEmail, Ref: o.Ref,
		PaymentMethod: o.PaymentMethod, BillingAddress: o.BillingAddress, ShippingAddress: o.ShippingAddress,
		CustomerIP: o.CustomerIP, TimeZone: o.TimeZone, Extra: o.Extra,
	}, jsontext.PreserveRawStrings(true))
	if err != nil { // its text may quote the order
		a := refused(Rejected, "unencodable", "the order cannot be written as JSON: a value is not valid JSON, or extra names a field of the order")
		return nil, &a
	}
	return content, nil
}

// printable reports whether s is non-empty and all visible ASCII.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
