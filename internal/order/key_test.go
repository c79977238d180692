package order_test

import (
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
	"pgregory.net/rapid"
)

func TestKeyString(t *testing.T) {
	for _, c := range []struct{ merchant, ref, want string }{
		{"M-1001", "2003089893366DTEST", "M-1001:2003089893366DTEST"},
		{"a:b", "c", "a%3Ab:c"},
		{"a", "b:c", "a:b%3Ac"},
		{"a", "b%3Ac", "a:b%253Ac"},
		{"a", "x/y {z}", "a:x%2Fy%20%7Bz%7D"},
		{"é", "._-", "%C3%A9:._-"},
		{"", "", ":"},
	} {
		if got := (order.Key{MerchantID: c.merchant, Ref: c.ref}).String(); got != c.want {
			t.Errorf("(%q, %q) = %q, want %q", c.merchant, c.ref, got, c.want)
		}
	}
}

var anyKey = rapid.Custom(func(t *rapid.T) order.Key {
	part := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("ab:%34A"))))
	return order.Key{MerchantID: part.Draw(t, "merchant"), Ref: part.Draw(t, "ref")}
})

func TestKeysNeverMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyKey.Draw(t, "a"), anyKey.Draw(t, "b")
		if (a == b) != (a.String() == b.String()) {
			t.Fatalf("%#v and %#v are %q and %q", a, b, a, b)
		}
	})
}

func TestKeyRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := anyKey.Draw(t, "key")
		if got, err := order.ParseKey(k.String()); err != nil || got != k {
			t.Fatalf("ParseKey(%q) = %#v, %v; want %#v", k, got, err, k)
		}
		if strings.Trim(k.String(), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-%:") != "" {
			t.Fatalf("%q is not safe everywhere", k)
		}
	})
}

func TestParseKeyTakesOnlyWhatStringWrites(t *testing.T) {
	for _, s := range []string{"", "a", "a:b:c", "a:%3a", "a:%41", "a:%4", "a:%", "a:%GG", "a b:c", "a:é", "a/b:c"} {
		if k, err := order.ParseKey(s); err == nil {
			t.Errorf("ParseKey(%q) = %#v, want an error", s, k)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"a:b", ":", "a%3Ab:c", "a:%", "a:%zz", "a:b:c", "\xff:%FF"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := order.ParseKey(s)
		if err == nil && k.String() != s {
			t.Fatalf("ParseKey(%q) = %#v, which is written %q", s, k, k)
		}
	})
}

func TestReferenceRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := order.Key{MerchantID: anyText.Draw(t, "merchant"), Ref: anyText.Draw(t, "ref")}
		if got, ok := order.DecodeReference(k.Reference()); !ok || got != k {
			t.Fatalf("DecodeReference(%s) = %#v, %v", k.Reference(), got, ok)
		}
	})
	got := string(order.Key{MerchantID: "M", Ref: `a"b`}.Reference())
	if want := `{"merchant_id":"M","merchant_txn_ref":"a\"b"}`; got != want {
		t.Errorf("Reference() = %s, want %s", got, want)
	}
}

func TestDecodeReferenceTakesNothingElse(t *testing.T) {
	for _, s := range []string{``, `{}`, `[]`, `{"merchant_id":"M"}`, `{"merchant_id":"M","merchant_txn_ref":""}`, `{"merchant_id":"M","merchant_txn_ref":1}`,
		`{"merchant_id":"M","merchant_txn_ref":"1","amount":1}`, `{"merchant_id":"M","merchant_txn_ref":"1"}{}`,
		`{"merchant_id":"M","merchant_id":"N","merchant_txn_ref":"1"}`, `{"merchant_id":"M","ref":"1"}`, string(fixture(t, "full.json"))} {
		if k, ok := order.DecodeReference([]byte(s)); ok {
			t.Errorf("DecodeReference(%s) = %#v, want false", s, k)
		}
	}
	if k, ok := order.DecodeReference([]byte(` {"merchant_txn_ref" : "\u0031", "merchant_id":"M"} `)); !ok || k != (order.Key{MerchantID: "M", Ref: "1"}) {
		t.Errorf("white space and escapes: %#v, %v", k, ok)
	}
}

// FuzzDecodeReference: what is taken for a reference names the order that Reference names, and is never a full order.
func FuzzDecodeReference(f *testing.F) {
	for _, seed := range []string{`{"merchant_id":"M","merchant_txn_ref":"r"}`, ` {"merchant_txn_ref":"\ud83c\udf8e","merchant_id":"a:b"}`, "{}", `{"merchant_id":"","merchant_txn_ref":"r"}`, "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, ok := order.DecodeReference(data)
		if !ok {
			return
		}
		if again, ok := order.DecodeReference(k.Reference()); !ok || again != k {
			t.Errorf("%q is %q, and again %q", data, k, again)
		}
		o, err := order.Decode(data)
		if err != nil || o.Key() != k || o.Validate() == nil {
			t.Errorf("%q is %q, and as an order %v %v", data, k, o, err)
		}
	})
}

// TestRegressionKeysAreCutForTheLog: of a refused order a log line once held all of a ref of 60,000 characters.
func TestRegressionKeysAreCutForTheLog(t *testing.T) {
	long := order.Key{MerchantID: strings.Repeat("界", 200), Ref: strings.Repeat("🎎", 60_000)}
	if want := (order.Key{MerchantID: strings.Repeat("界", 128) + "…", Ref: strings.Repeat("🎎", 45) + "…"}); long.Brief() != want {
		t.Errorf("%q", long.Brief())
	}
	if k := (order.Key{MerchantID: "M1", Ref: strings.Repeat("🎎", 45)}); k.Brief() != k {
		t.Errorf("%q", k.Brief())
	}
}
