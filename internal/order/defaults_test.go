package order_test

import (
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
)

var defaults = order.Defaults{
	MerchantEmail:  "default@shop.example",
	ReturnURL:      []byte(`{ "webhook_url": "https://shop.example/default" }`),
	PaymentMethod:  []byte(`{ "type": "default" }`),
	BillingCountry: "FR",
}

func TestFillGivesWhatIsAbsent(t *testing.T) {
	o := decode(t, []byte(`{"merchant_id":"M","merchant_txn_ref":"1","currency":"EUR"}`))
	o.Fill(defaults)
	const want = `{"merchant_id":"M","merchant_txn_ref":"1","currency":"EUR","merchant_email":"default@shop.example",` +
		`"return_url":{"webhook_url":"https://shop.example/default"},"payment_method":{"type":"default"},"billing_address":{"country":"FR"}}`
	if got := string(o.Encode()); got != want {
		t.Errorf("filled\n%s\nwant\n%s", got, want)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestFillLeavesWhatIsThere(t *testing.T) {
	o := decode(t, fixture(t, "full.json"))
	before := string(o.Encode())
	o.Fill(defaults)
	if got := string(o.Encode()); got != before {
		t.Errorf("became %s, was %s", got, before)
	}
}

func TestFillBillingCountry(t *testing.T) {
	for _, c := range []struct{ in, country, want string }{
		{``, "FR", `{"country":"FR"}`},
		{``, "", ``},
		{`{}`, "FR", `{"country":"FR"}`},
		{`{ "city": "Lyon", "x": 1.0 }`, "FR", `{"city":"Lyon","x":1.0,"country":"FR"}`},
		{`{"country":""}`, "FR", `{"country":""}`},
		{`{"country":null}`, "FR", `{"country":null}`},
	} {
		o := decode(t, with(t, map[string]string{"billing_address": c.in}))
		o.Fill(order.Defaults{BillingCountry: c.country})
		if got := string(o.BillingAddress); got != c.want {
			t.Errorf("%s with default %q: %s, want %s", c.in, c.country, got, c.want)
		}
	}
}

func TestFillHidesNoProblemOfForm(t *testing.T) {
	o := decode(t, with(t, map[string]string{"return_url": `"https://shop.example"`}))
	o.Fill(defaults)
	if got := lines(t, o.Validate()); len(got) != 1 || got[0] != "/return_url: is a JSON string: it must be an object" {
		t.Errorf("%q", got)
	}
}

// What is accepted is stored as Encode writes it and must be readable again.
func TestFillMakesNoOrderUnreadable(t *testing.T) {
	large := with(t, map[string]string{"return_url": "", "extra": `{"a":"` + strings.Repeat("x", order.MaxBytes-1000) + `"}`})
	o := decode(t, large)
	o.Fill(order.Defaults{ReturnURL: []byte(`{"success_url":"https://shop.example","a":"` + strings.Repeat("x", 1000) + `"}`)})
	if got := lines(t, o.Validate()); len(got) != 1 || !strings.Contains(got[0], "at most 65536 are taken") {
		t.Errorf("too large: %q", got)
	}
	o = decode(t, with(t, map[string]string{"payment_method": ""}))
	o.Fill(order.Defaults{PaymentMethod: []byte(`{"type":"a","deep":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`)})
	if got := lines(t, o.Validate()); len(got) != 1 || !strings.Contains(got[0], "nests deeper") {
		t.Errorf("too deep: %q", got)
	}
}

func TestFillDoesNotShareTheDefaults(t *testing.T) {
	a, b := decode(t, []byte(`{}`)), decode(t, []byte(`{}`))
	a.Fill(defaults)
	b.Fill(defaults)
	a.PaymentMethod[2] = 'X'
	if string(b.PaymentMethod) != `{"type":"default"}` || string(defaults.PaymentMethod) != `{ "type": "default" }` {
		t.Errorf("%s, %s", b.PaymentMethod, defaults.PaymentMethod)
	}
}

func TestDefaultsValidate(t *testing.T) {
	if err := defaults.Validate(); err != nil {
		t.Error(err)
	}
	if err := (order.Defaults{}).Validate(); err != nil {
		t.Error(err)
	}
	bad := order.Defaults{MerchantEmail: "x", ReturnURL: []byte(`{`), PaymentMethod: []byte(`[]`), BillingCountry: "UK"}
	if got := lines(t, bad.Validate()); len(got) != 4 {
		t.Errorf("%q, want four problems", got)
	}
}
