package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

const pageAddress = `"phone_number":"8112345678","address1":"1-2-3 Shinjuku","city":"Shinjuku-ku","state":"Tokyo","postal_code":"1600022"}`

// pageBody is the page's example without its blanks.
const pageBody = `{"return_url":{"webhook_url":"< Webhook url >","success_url":"http://www.successurl.com/",` +
	`"decline_url":"http://www.declineurl.com/","cancel_url":"http://cancelurl.com/"},` +
	`"amount":1000,"currency":"JPY","merchant_id":"< Merchant ID >","merchant_email":"merchant@testemail.com",` +
	`"merchant_txn_ref":"2003089893366DTEST","payment_method":{"type":"scheme","store_payment_method":true},` +
	`"billing_address":{"country":"JP","email":"billing@testemail.com",` + pageAddress +
	`,"shipping_address":{"country":"JP","email":"shipping@testemail.com",` + pageAddress + `}`

// sent returns the request that Generate makes and its body.
func sent(t *testing.T, o *order.Order, change func(*merchant.Profile)) (r *http.Request, body string) {
	t.Helper()
	s := serve(t, func(w http.ResponseWriter, got *http.Request) {
		content, err := io.ReadAll(got.Body)
		if err != nil {
			t.Error(err)
		}
		r, body = got, string(content)
		w.WriteHeader(http.StatusBadRequest)
	})
	p := profile(t, s.URL+"/api/v1")
	change(&p)
	if a := newClient(t).Generate(context.Background(), p, o); a.Code != "http_400" {
		t.Fatalf("not sent: %+v", a)
	}
	return r, body
}

func TestRequestIsTheDocumentedOne(t *testing.T) {
	r, body := sent(t, pageOrder(), func(*merchant.Profile) {})
	if body != pageBody {
		t.Errorf("body\n%s\nwant\n%s", body, pageBody)
	}
	if r.Method != "POST" || r.URL.String() != "/api/v1/server-to-server-interface/hpp/generate/link" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	for name, want := range map[string]string{
		"Authorization": "Basic YXBpLWtleS1vbmU6", "X-Api-Key": "x-key-two",
		"Content-Type": "application/json", "Accept": "application/json",
		"User-Agent": "hpplink", "Idempotency-Key": "", "Cookie": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if r.ContentLength != int64(len(pageBody)) {
		t.Errorf("content length %d", r.ContentLength)
	}
}

func TestBodyHoldsOnlyWhatIsTheGateways(t *testing.T) {
	o := &order.Order{
		MerchantID: "m", Ref: "r", Currency: "USD", CustomerIP: "192.0.2.1", TimeZone: "Asia/Tokyo",
		Extra:     jsontext.Value(`{"z":[1.50,"\u0041/\/"],"a":{"delivery":1e2}}`),
		Delivery:  &order.Delivery{Email: &order.EmailDelivery{To: "to@example.com"}},
		Metadata:  map[string]string{"campaign": "spring"},
		ExpiresAt: time.Now(),
	}
	_, body := sent(t, o, func(*merchant.Profile) {})
	want := `{"currency":"USD","merchant_id":"m","merchant_txn_ref":"r","customer_ip":"192.0.2.1",` +
		`"time_zone":"Asia/Tokyo","z":[1.50,"\u0041/\/"],"a":{"delivery":1e2}}`
	if body != want {
		t.Errorf("body\n%s\nwant\n%s", body, want)
	}
}

func TestAmountOnTheWire(t *testing.T) {
	for _, c := range []struct {
		amount, currency string
		unit             merchant.AmountUnit
		want             string
	}{
		{"1000", "JPY", merchant.Major, `"amount":1000,`},
		{"12.5", "KWD", "", `"amount":12.5,`},
		{"0.1", "USD", merchant.Major, `"amount":0.1,`},
		{"9007199254740993.01", "USD", merchant.Major, `"amount":9007199254740993.01,`},
		{"1000", "JPY", merchant.Minor, `"amount":1000,`},
		{"12.50", "KWD", merchant.Minor, `"amount":12500,`},
		{"12.5", "USD", merchant.Minor, `"amount":1250,`},
		{"0.05", "USD", merchant.Minor, `"amount":5,`},
		{"0", "USD", merchant.Minor, `"amount":0,`},
		{"90071992547409.93", "USD", merchant.Minor, `"amount":9007199254740993,`},
		{"", "USD", merchant.Minor, `{"currency"`},
	} {
		o := &order.Order{MerchantID: "m", Ref: "r", Amount: c.amount, Currency: c.currency}
		_, body := sent(t, o, func(p *merchant.Profile) { p.AmountUnit = c.unit })
		if !strings.HasPrefix(body, "{"+strings.TrimPrefix(c.want, "{")) {
			t.Errorf("%s %s (%s): %s, want %s", c.amount, c.currency, c.unit, body, c.want)
		}
	}
}

func TestNothingIsSentThatCannotBeRight(t *testing.T) {
	for name, c := range map[string]struct {
		outcome gateway.Outcome
		code    string
		change  func(*merchant.Profile, *order.Order)
	}{
		"no gateway URL": {gateway.Misconfigured, "no_profile", func(p *merchant.Profile, _ *order.Order) { p.GatewayURL = nil }},
		"another scheme": {gateway.Misconfigured, "no_profile", func(p *merchant.Profile, _ *order.Order) { p.GatewayURL.Scheme = "ftp" }},
		"no key":         {gateway.Misconfigured, "no_profile", func(p *merchant.Profile, _ *order.Order) { p.XAPIKey = merchant.Secret{} }},
		"key with a line end": {gateway.Misconfigured, "no_profile", func(p *merchant.Profile, _ *order.Order) {
			p.APIKey = merchant.NewSecret("secret\nkey")
		}},
		"too many decimals": {gateway.Rejected, "amount", func(p *merchant.Profile, o *order.Order) {
			p.AmountUnit, o.Amount = merchant.Minor, "0.5"
		}},
		"unknown minor unit": {gateway.Rejected, "amount", func(p *merchant.Profile, o *order.Order) {
			p.AmountUnit, o.Currency = merchant.Minor, "XXY"
		}},
		"amount not a number": {gateway.Rejected, "amount", func(_ *merchant.Profile, o *order.Order) { o.Amount = `"1"` }},
		"extra repeats a field": {gateway.Rejected, "unencodable", func(_ *merchant.Profile, o *order.Order) {
			o.Extra = jsontext.Value(`{"amount":1}`)
		}},
		"an address cut off": {gateway.Rejected, "unencodable", func(_ *merchant.Profile, o *order.Order) {
			o.BillingAddress = jsontext.Value(`{"secret":`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
			p, o := profile(t, s.URL), pageOrder()
			c.change(&p, o)
			a := newClient(t).Generate(context.Background(), p, o)
			expect(t, a, c.outcome, c.code, 0, false)
			if strings.Contains(a.Message, "secret") {
				t.Errorf("message %q", a.Message)
			}
		})
	}
}
