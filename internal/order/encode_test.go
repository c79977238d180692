package order_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
	"pgregory.net/rapid"
)

func TestEncodeWritesTheEventInAStableOrder(t *testing.T) {
	const want = `{"merchant_id":"M-1001","merchant_txn_ref":"A/17 {🎎}","amount":12.5,"currency":"EUR","merchant_email":"shop@shop.example",` +
		`"return_url":{"success_url":"https://shop.example/done?a=1&b=2","later":[1.0,1e3,12345678901234567890]},"payment_method":{"type":"gcash"},` +
		`"billing_address":{"country":"DE","city":"K\u00f6ln","floor":3},"shipping_address":{"country":"DE"},"customer_ip":"2001:db8::7",` +
		`"time_zone":"Europe/Berlin","extra":{"b":1,"a":{"z":null,"y":2.50}},` +
		`"delivery":{"email":{"to":"customer@mail.example","name":"Zoë Ångström","locale":"de-AT"}},"metadata":{"cart":"77","note":""},` +
		`"expires_at":"2030-01-31T22:59:59Z"}`
	for range 3 {
		if got := decode(t, with(t, nil)).Encode(); string(got) != want {
			t.Errorf("Encode() =\n%s\nwant\n%s", got, want)
		}
	}
}

func TestEncodeRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOrder.Draw(t, "order")
		if err := o.Validate(); err != nil {
			t.Fatalf("%s: %v", o.Encode(), err)
		}
		again, err := order.Decode(o.Encode())
		if err != nil || !reflect.DeepEqual(o, again) {
			t.Fatalf("%v\n got %s\nwant %s", err, again.Encode(), o.Encode())
		}
		if o.Fingerprint() != again.Fingerprint() {
			t.Fatal("the fingerprint changed on the way")
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"gateway-example.json", "full.json"} {
		f.Add(fixture(f, name))
	}
	for _, s := range []string{`{}`, `[]`, `{"amount":"1e5"}`, `{"amount":1,"amount":2}`, `{"billing_address":{"country":null}}`, `{"metadata":{"a":{}}}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := order.Decode(data)
		if (o == nil) != (err != nil) {
			t.Fatalf("Decode = %v, %v", o, err)
		}
		if err != nil {
			return
		}
		before := o.Fingerprint()
		if len(before.Sum) != 24 || len(before.Fields) > 64 {
			t.Fatalf("fingerprint %+v", before)
		}
		if o.Validate() != nil {
			return
		}
		again, err := order.Decode(o.Encode())
		if err != nil || again.Validate() != nil || !bytes.Equal(again.Encode(), o.Encode()) {
			t.Fatalf("does not round-trip: %v\n%s", err, o.Encode())
		}
		if again.Fingerprint() != before {
			t.Fatalf("fingerprint %+v became %+v", before, again.Fingerprint())
		}
	})
}
