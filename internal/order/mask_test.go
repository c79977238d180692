package order_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
)

const marker = "PERSONAL"

func markedOrder(t *testing.T) *order.Order {
	t.Helper()
	object := `{"a":"` + marker + `"}`
	return decode(t, with(t, map[string]string{
		"merchant_txn_ref": `"ref-7"`, "merchant_email": `"` + marker + `"`, "billing_address": object, "shipping_address": object,
		"return_url": object, "payment_method": object, "extra": object, "metadata": object, "time_zone": `"` + marker + `"`,
		"customer_ip": `"` + marker + `"`, "delivery": `{"email":{"to":"` + marker + `","name":"` + marker + `"}}`,
	}))
}

func TestPrintingShowsMerchantAndRefOnly(t *testing.T) {
	o := markedOrder(t)
	type holder struct{ Order *order.Order }
	for _, v := range []any{o, *o, holder{o}, []order.Order{*o}, map[string]*order.Order{"a": o}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			got := fmt.Sprintf(verb, v)
			if strings.Contains(got, marker) || strings.Contains(got, fmt.Sprintf("%x", marker)) {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
	if got := fmt.Sprint(o); got != "order M-1001:ref-7" {
		t.Errorf("Sprint = %q", got)
	}
	if got := fmt.Sprintf("%+v %#v", o.Delivery, *o.Delivery); strings.Contains(got, marker) {
		t.Errorf("delivery prints %s", got)
	}
}

func TestMaskedShowsWhatIsNotPersonal(t *testing.T) {
	masked := string(markedOrder(t).Masked())
	if strings.Contains(masked, marker) || !json.Valid([]byte(masked)) {
		t.Error(masked)
	}
	for _, part := range []string{`"merchant_id":"M-1001"`, `"merchant_txn_ref":"ref-7"`, `"amount":12.5`, `"currency":"EUR"`, `"billing_address":"***"`, `"delivery":"***"`, `"metadata":"***"`} {
		if !strings.Contains(masked, part) {
			t.Errorf("%s is missing in %s", part, masked)
		}
	}
	astray := decode(t, []byte(`{"merchant_txn_ref":"`+strings.Repeat("r", 1000)+`","currency":"`+marker+`","amount":"`+marker+`","expires_at":"`+marker+`","`+marker+`":1}`))
	if masked := string(astray.Masked()); strings.Contains(masked, marker) || !json.Valid([]byte(masked)) || len(masked) > 200 || !strings.Contains(masked, `"currency":"***"`) {
		t.Error(masked)
	}
}

func TestLoggingShowsMerchantAndRefOnly(t *testing.T) {
	o := markedOrder(t)
	var b bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "order", o, "value", *o, "many", []*order.Order{o}, "email", o.Delivery.Email)
	}
	if got := b.String(); strings.Contains(got, marker) || !strings.Contains(got, "order.merchant_txn_ref=ref-7") {
		t.Error(got)
	}
}

func TestOrdersAreNotMarshalledByTheWay(t *testing.T) {
	data, err := json.Marshal(markedOrder(t))
	if err == nil || !strings.Contains(err.Error(), "use Encode") || strings.Contains(err.Error(), marker) {
		t.Errorf("Marshal = %s, %v", data, err)
	}
}

func TestMaskAddress(t *testing.T) {
	for address, want := range map[string]string{
		"a@b.example": "a***@b.example", "\"x@y\"@b.example": "\"***@b.example", "日本@b.example": "日***@b.example", "": "***", "@b": "***", "nobody": "***",
	} {
		if got := order.MaskAddress(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}
