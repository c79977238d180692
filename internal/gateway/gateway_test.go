package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const linkURL = "https://checkout-dev.paymentoptions.com/jp/HostedPaymentPage/hKJsdByR"

// pageAnswer is the answer on the gateway's page hpp/generate-link.
const pageAnswer = `{
  "id": "f49173ce-4916-445c-a831-3c1468acf14e",
  "url": "` + linkURL + `",
  "amount": 1000,
  "currency": "JPY",
  "merchant_txn_ref": "2003089893366DTEST",
  "merchant_id": "< Merchant ID >",
  "merchant_email": "merchant@testemail.com",
  "return_url": {"webhook_url": "< Webhook url >"},
  "billing_address": {"city": "Shinjuku-ku", "country": "JP"}
}`

var wantLink = gateway.Link{ID: "f49173ce-4916-445c-a831-3c1468acf14e", URL: linkURL}

func address(email string) jsontext.Value {
	return jsontext.Value(fmt.Sprintf(`{
    "country": "JP",
    "email": %q,
    "phone_number": "8112345678",
    "address1": "1-2-3 Shinjuku",
    "city": "Shinjuku-ku",
    "state": "Tokyo",
    "postal_code": "1600022"
  }`, email))
}

// pageOrder is the request on the gateway's page hpp/generate-link.
func pageOrder() *order.Order {
	return &order.Order{
		MerchantID: "< Merchant ID >", Ref: "2003089893366DTEST",
		Amount: "1000", Currency: "JPY", MerchantEmail: "merchant@testemail.com",
		ReturnURL: jsontext.Value(`{
    "webhook_url": "< Webhook url >",
    "success_url": "http://www.successurl.com/",
    "decline_url": "http://www.declineurl.com/",
    "cancel_url": "http://cancelurl.com/"
  }`),
		PaymentMethod:   jsontext.Value(`{"type": "scheme", "store_payment_method": true}`),
		BillingAddress:  address("billing@testemail.com"),
		ShippingAddress: address("shipping@testemail.com"),
	}
}

func profile(t testing.TB, base string) merchant.Profile {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return merchant.Profile{
		ID: "< Merchant ID >", GatewayURL: u,
		APIKey: merchant.NewSecret("YXBpLWtleS1vbmU6"), XAPIKey: merchant.NewSecret("x-key-two"),
		LinkHosts: []string{"*.paymentoptions.com"}, Timeout: 5 * time.Second,
	}
}

func newClient(t testing.TB) *gateway.Client {
	c := gateway.New(gateway.Options{})
	t.Cleanup(c.CloseIdle)
	return c
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// ask sends the page's order to a server with this handler.
func ask(t testing.TB, h http.HandlerFunc) gateway.Answer {
	t.Helper()
	s := serve(t, h)
	return newClient(t).Generate(context.Background(), profile(t, s.URL), pageOrder())
}

func answering(status int, header http.Header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// expect compares all of an answer but its message and link, and that the
// message is there exactly when something is wrong.
func expect(t testing.TB, got gateway.Answer, outcome gateway.Outcome, code string, status int, asked bool) {
	t.Helper()
	if got.Outcome != outcome || got.Code != code || got.Status != status || got.Asked != asked {
		t.Errorf("got %+v, want outcome %s, code %s, status %d, asked %v", got, outcome, code, status, asked)
	}
	if (got.Message == "") != (outcome == gateway.Issued) || strings.ContainsAny(got.Message, "\r\n") {
		t.Errorf("message %q of a call that was %s", got.Message, outcome)
	}
	if outcome != gateway.Issued && got.Link != (gateway.Link{}) {
		t.Errorf("a link %v though nothing was issued", got.Link)
	}
}
