package order_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/order"
)

// FuzzReference: a reference is what the JSON library reads as an object of these two texts, and nothing else.
func FuzzReference(f *testing.F) {
	for _, s := range []string{
		`{"merchant_id":"a","merchant_txn_ref":"b"}`, `{"merchant_txn_ref":"b","merchant_id":"a"}`, `{ "merchant_id":"a","merchant_txn_ref":"b"}`,
		`{"merchant_id":"\u0041\"","merchant_txn_ref":"ü"}`, `{"merchant_id":"a","merchant_txn_ref":"b"}}`, `{"merchant_id":"","merchant_txn_ref":"b"}`,
		`{"merchant_id":"a","merchant_txn_ref":"b","merchant_txn_ref":"c"}`, `{"merchant_id":"a","merchant_txn_ref":null}`, `null`, `{"merchant\u005fid":"a","merchant_txn_ref":"b"}`,
		"{\"merchant_id\":\"a\",\"merchant_txn_ref\":\"\xff\"}", "{\"merchant_id\":\"a\",\"merchant_txn_ref\":\"\n\"}", `{"merchant_id":"a","merchant_txn_ref":"b"} x`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want map[string]string
		err := json.Unmarshal(data, &want)
		one := err == nil && len(want) == 2 && want["merchant_id"] != "" && want["merchant_txn_ref"] != "" && len(data) <= order.MaxBytes
		k, ok := order.DecodeReference(data)
		if ok != one || ok && (k.MerchantID != want["merchant_id"] || k.Ref != want["merchant_txn_ref"]) {
			t.Errorf("%+v, %v; want %v, %v", k, ok, want, one)
		}
	})
}

func TestReferencesAreBounded(t *testing.T) {
	long := order.Key{MerchantID: "m", Ref: strings.Repeat("r", order.MaxBytes)}
	if _, ok := order.DecodeReference(long.Reference()); ok {
		t.Error("a reference larger than any event was taken")
	}
}

// TestWhiteSpaceMakesNoOtherOrder: what has blanks, and so is copied without them, becomes the same order as what has none.
func TestWhiteSpaceMakesNoOtherOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := anyOrder.Draw(t, "order").Encode()
		spaced := jsontext.Value(plain).Clone()
		if err := spaced.Indent(jsontext.SpaceAfterComma(true), jsontext.SpaceAfterColon(rapid.Bool().Draw(t, "colon"))); err != nil {
			t.Fatal(err)
		}
		before := string(spaced)
		o, err := order.Decode(spaced)
		if err != nil || string(o.Encode()) != string(plain) || string(spaced) != before {
			t.Fatalf("%v\n got %s\nwant %s", err, o.Encode(), plain)
		}
	})
}
