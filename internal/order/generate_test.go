package order_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hpplink/hpplink/internal/order"
	"pgregory.net/rapid"
)

// anyText draws printable text with the characters that trip encoders.
var anyText = rapid.StringOfN(rapid.RuneFrom([]rune(`abcXYZ019 "\/{}[]:,.<>&'%_-é界🎎`+"\u200f\u2028")), 1, 20, -1)

var identifier = anyText.Filter(func(s string) bool { return s == strings.TrimSpace(s) })

// anyJSON draws an object as a producer may send it: nested, unordered, numbers of all spellings.
var anyJSON = rapid.Custom(func(t *rapid.T) jsontext.Value { return drawObject(t, 3) })

func drawObject(t *rapid.T, depth int) jsontext.Value {
	names := rapid.SliceOfNDistinct(anyText, 0, 4, rapid.ID[string]).Draw(t, "names")
	var all []string
	for _, name := range names {
		all = append(all, jsonText("free "+name)+":"+drawValue(t, depth-1))
	}
	return jsontext.Value("{" + strings.Join(all, ",") + "}")
}

func drawValue(t *rapid.T, depth int) string {
	if depth > 0 && rapid.Bool().Draw(t, "nested") {
		return string(drawObject(t, depth))
	}
	return rapid.OneOf(
		rapid.SampledFrom([]string{"null", "true", "[]", "1.0", "-0", "1e3", "12345678901234567890", `"\u0041\/"`}),
		rapid.Map(anyText, jsonText),
	).Draw(t, "value")
}

func jsonText(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// anyOrder draws valid orders as Decode makes them.
var anyOrder = rapid.Custom(func(t *rapid.T) *order.Order {
	o := &order.Order{
		MerchantID: identifier.Draw(t, "merchant"), Ref: identifier.Draw(t, "ref"),
		Currency: "KWD", MerchantEmail: "shop@shop.example", BillingAddress: anyJSON.Draw(t, "billing"),
		ReturnURL: jsontext.Value(`{"cancel_url":"https://shop.example/no"}`), PaymentMethod: jsontext.Value(`{"type":"scheme"}`),
	}
	if cents := rapid.IntRange(0, 9_999_999_999).Draw(t, "amount"); cents > 0 {
		o.Amount = trimAmount(fmt.Sprintf("%d.%03d", cents/1000, cents%1000))
	}
	if rapid.Bool().Draw(t, "more") {
		o.ShippingAddress, o.Extra = anyJSON.Draw(t, "shipping"), anyJSON.Draw(t, "extra")
		o.CustomerIP, o.TimeZone = "203.0.113.7", anyText.Draw(t, "zone")
		o.Delivery = &order.Delivery{Email: &order.EmailDelivery{To: "a@b.example", Name: anyText.Draw(t, "name"), Locale: "ja"}}
		o.Metadata = rapid.MapOfN(anyText, anyText, 1, 5).Draw(t, "metadata")
		o.ExpiresAt = time.Unix(rapid.Int64Range(1e9, 9e9).Draw(t, "expires"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	}
	return o
})

func trimAmount(s string) string { return strings.TrimRight(strings.TrimRight(s, "0"), ".") }
