package gateway_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/gateway"
)

// FuzzEcho: whatever the gateway answers, the fields are those that the JSON library would find, or there are none as with the library.
func FuzzEcho(f *testing.F) {
	for _, s := range []string{
		pageAnswer, "null", " null ", "nul", "null 1", "{}", "{} x", "[]", `""`, "", "{", `{"id":1,}`, `{"id":{"a":1,"a":2}}`,
		`{"\u0069d":"a"}`, `{"id":1,"\u0069d":2}`, `{"x":1,"x":2}`, `{"ID":1,"id":null}`, "{\"\xff\":1,\"\xfe\":2}", "{\"id\":\"\xff\"}", `{"url":"\ud800"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var want struct {
			ID         jsontext.Value `json:"id"`
			URL        jsontext.Value `json:"url"`
			Ref        jsontext.Value `json:"merchant_txn_ref"`
			MerchantID jsontext.Value `json:"merchant_id"`
			Amount     jsontext.Value `json:"amount"`
			Currency   jsontext.Value `json:"currency"`
		}
		err := json.Unmarshal(content, &want, jsontext.AllowInvalidUTF8(true))
		got, ok := gateway.ReadEcho(content)
		if ok != (err == nil) {
			t.Fatalf("%v, want %v", ok, err)
		}
		for i, v := range []jsontext.Value{want.ID, want.URL, want.Ref, want.MerchantID, want.Amount, want.Currency} {
			if ok && string(got[i]) != string(v) {
				t.Errorf("%d: %s, want %s", i, got[i], v)
			}
		}
	})
}
