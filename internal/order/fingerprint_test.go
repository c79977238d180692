package order_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
	"pgregory.net/rapid"
)

// Records in Redis hold these. A release that changes one turns every resend
// into a conflict: give the changed form a new version instead.
func TestFingerprintVersion1IsPinned(t *testing.T) {
	for name, want := range map[string]order.Fingerprint{
		"gateway-example.json": {Sum: "1:QOAgZXCmLZyW0YSce51hwQ", Fields: "aQFEb6b_cNdWmoHKpIQKrfDKsQES"},
		"full.json":            {Sum: "1:0-yZbPyNfbvlZOznsqwdgQ", Fields: "auQLbgycch-8dJ_iem3wixDwm3H_pLWirl0IsoEpxaLWz4oo"},
	} {
		if got := decode(t, fixture(t, name)).Fingerprint(); got != want {
			t.Errorf("%s: {Sum: %q, Fields: %q}", name, got.Sum, got.Fields)
		}
	}
	if got := decode(t, []byte(`{}`)).Fingerprint(); got != (order.Fingerprint{Sum: "1:RBNvo1WzZ4oRRq0W9-hkng"}) {
		t.Errorf("empty: {Sum: %q, Fields: %q}", got.Sum, got.Fields)
	}
}

func TestFingerprintIgnoresSpelling(t *testing.T) {
	want := decode(t, fixture(t, "full.json")).Fingerprint()
	for name, change := range map[string]map[string]string{
		"key order":      nil,
		"amount number":  {"amount": "12.5"},
		"amount zeros":   {"amount": "12.50"},
		"amount text":    {"amount": `"0012.5"`},
		"escapes":        {"billing_address": `{"city":"Köln","\u0063ountry":"\u0044E","floor":3}`},
		"nested order":   {"extra": `{ "a" : {"y":2.50, "z":null}, "b":1 }`},
		"metadata":       {"metadata": `{"other":"1"}`},
		"no metadata":    {"metadata": ""},
		"other offset":   {"expires_at": `"2030-01-31T22:59:59.000Z"`},
		"delivery order": {"delivery": `{"email":{"locale":"de-AT","name":"Zo\u00eb Ångström","to":"customer@mail.example"}}`},
	} {
		if got := decode(t, with(t, change)).Fingerprint(); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestFingerprintSeesEveryOtherField(t *testing.T) {
	base := decode(t, fixture(t, "full.json")).Fingerprint()
	for field, raw := range map[string]string{
		"amount": "12.51", "currency": `"USD"`, "merchant_email": `"x@shop.example"`, "return_url": `{"success_url":"https://shop.example/done?a=1&b=3"}`,
		"payment_method": `{"type":"scheme"}`, "billing_address": `{"country":"DE","city":"Köln","floor":3.0}`, "shipping_address": `{"country":"FR"}`,
		"customer_ip": `"2001:db8::8"`, "time_zone": `"Europe/Paris"`, "extra": `{"b":1,"a":{"z":null,"y":2.5}}`,
		"delivery": `{"email":{"to":"customer@mail.example","name":"Zoë","locale":"de-AT"}}`, "expires_at": `"2030-01-31T23:59:59Z"`,
	} {
		for _, raw := range []string{raw, ""} {
			got := decode(t, with(t, map[string]string{field: raw})).Fingerprint()
			if diff := order.DiffFields(base.Fields, got.Fields); got.Sum == base.Sum || !slices.Equal(diff, []string{field}) {
				t.Errorf("%s changed to %q: the difference is named %q", field, raw, diff)
			}
		}
	}
	for _, field := range []string{"merchant_id", "merchant_txn_ref"} {
		got := decode(t, with(t, map[string]string{field: `"other"`})).Fingerprint()
		if got.Sum == base.Sum || got.Fields != base.Fields {
			t.Errorf("%s changed: %+v", field, got)
		}
	}
}

// Two numbers that are one float are two numbers.
func TestFingerprintNeverTakesNumbersThroughFloats(t *testing.T) {
	a := decode(t, with(t, map[string]string{"extra": `{"n":9007199254740993}`}))
	b := decode(t, with(t, map[string]string{"extra": `{"n":9007199254740992}`}))
	if a.Fingerprint() == b.Fingerprint() {
		t.Error("the same fingerprint for two numbers")
	}
}

func TestFingerprintLeavesTheOrderAlone(t *testing.T) {
	o := decode(t, fixture(t, "full.json"))
	before := string(o.Encode())
	o.Fingerprint()
	if after := string(o.Encode()); after != before {
		t.Errorf("became %s, was %s", after, before)
	}
}

func TestFieldsFitIn64Bytes(t *testing.T) {
	got := decode(t, fixture(t, "full.json")).Fingerprint()
	if len(got.Sum) != 24 || !strings.HasPrefix(got.Sum, "1:") || len(got.Fields) != 12*4 {
		t.Errorf("%+v: Sum has %d bytes, Fields %d", got, len(got.Sum), len(got.Fields))
	}
}

func TestDiffFieldsToleratesWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want []string
	}{
		{"", "", nil},
		{"aAAAcBBB", "aAAAcBBB", nil},
		{"aAAAcBBB", "aAAAcBBC", []string{"currency"}},
		{"zAAA", "aAAAdCCC", []string{"amount", "delivery", "time_zone"}},
		{"aAAAqZZZ", "aAAA", nil},
		{"aAAA", "aAAAbB", nil},
		{"é", "aAAA", []string{"amount"}},
	} {
		if got := order.DiffFields(c.a, c.b); !slices.Equal(got, c.want) {
			t.Errorf("DiffFields(%q, %q) = %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

// However a producer orders its keys and pads its text, the event is the same.
func TestFingerprintIsStableUnderShuffling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyOrder.Draw(t, "order")
		seed := rapid.Uint64().Draw(t, "seed")
		again, err := order.Decode(shuffle(t, o.Encode(), rand.New(rand.NewPCG(seed, 1))))
		if err != nil || again.Fingerprint() != o.Fingerprint() {
			t.Fatalf("%v: fingerprint of %s changed", err, o.Encode())
		}
	})
}

func TestFingerprintPrintsNothingPersonal(t *testing.T) {
	got := fmt.Sprintf("%+v", decode(t, fixture(t, "full.json")).Fingerprint())
	if strings.Contains(got, "customer") || strings.Contains(got, "Berlin") {
		t.Error(got)
	}
}
