package order_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
)

func TestFixturesAreValid(t *testing.T) {
	for _, name := range []string{"gateway-example.json", "full.json"} {
		if got := problems(t, fixture(t, name)); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestDecodeKeepsWhatItWasGiven(t *testing.T) {
	o := decode(t, fixture(t, "full.json"))
	for name, got := range map[string][2]string{
		"merchant_id":     {o.MerchantID, "M-1001"},
		"ref":             {o.Ref, "A/17 {🎎}"},
		"amount":          {o.Amount, "12.5"},
		"return_url":      {string(o.ReturnURL), `{"success_url":"https://shop.example/done?a=1&b=2","later":[1.0,1e3,12345678901234567890]}`},
		"billing_address": {string(o.BillingAddress), `{"country":"DE","city":"K\u00f6ln","floor":3}`},
		"extra":           {string(o.Extra), `{"b":1,"a":{"z":null,"y":2.50}}`},
		"delivery.to":     {o.Delivery.Email.To, "customer@mail.example"},
		"delivery.name":   {o.Delivery.Email.Name, "Zoë Ångström"},
		"delivery.locale": {o.Delivery.Email.Locale, "de-AT"},
		"metadata":        {fmt.Sprint(o.Metadata), "map[cart:77 note:]"},
		"expires_at":      {o.ExpiresAt.String(), "2030-01-31 22:59:59 +0000 UTC"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s = %q, want %q", name, got[0], got[1])
		}
	}
}

func TestDecodeRefusesWhatCannotBeRead(t *testing.T) {
	deep := strings.Repeat(`{"extra":`, order.MaxDepth) + "{}" + strings.Repeat("}", order.MaxDepth)
	for name, c := range map[string]struct{ in, want string }{
		"empty":              {"", "the event is empty"},
		"white space":        {" \n", "the event is empty"},
		"an array":           {"[]", "JSON array: send one object"},
		"a number":           {"1", "JSON number"},
		"null":               {"null", "JSON null"},
		"no JSON":            {"{merchant_id:1}", "not valid JSON at byte 1"},
		"UTF-16":             {"\xff\xfe{\x00}\x00", "UTF-16: encode it as UTF-8"},
		"UTF-16, no mark":    {"\x00{\x00}", "UTF-16: encode it as UTF-8"},
		"two marks":          {"\ufeff\ufeff{}", "not valid JSON at byte 0"},
		"cut short":          {`{"amount":`, "cut short after byte"},
		"two objects":        {"{}{}", "more follows"},
		"rubbish behind":     {"{} x", "more follows"},
		"a name twice":       {`{"amount":1,"amount":2}`, `the key "amount" is given twice`},
		"a hidden twin":      {`{"amount":1,"\u0061mount":2}`, `the key "amount" is given twice`},
		"a name twice, deep": {`{"extra":{"a":[{"b":1,"b":2}]}}`, `the key "b" is given twice`},
		"invalid UTF-8":      {"{\"merchant_txn_ref\":\"\xff\"}", "not valid UTF-8"},
		"half a surrogate":   {`{"merchant_txn_ref":"\ud83c"}`, "half of a character"},
		"too deep":           {deep, "nests deeper than 32 levels"},
		"too large":          {`{"extra":{"a":"` + strings.Repeat("x", order.MaxBytes) + `"}}`, "at most 65536 are taken"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := order.Decode([]byte(c.in))
			var invalid *order.InvalidError
			if o != nil || !errors.As(err, &invalid) || len(invalid.Problems) != 1 {
				t.Fatalf("Decode = %v, %v; want no order and one problem", o, err)
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\xff") {
				t.Errorf("error %q, want it to say %q", err, c.want)
			}
		})
	}
}

func TestUnknownKeysNameTheNearestKnownOne(t *testing.T) {
	for key, want := range map[string]string{
		"ammount": "amount", "Amount": "amount", "merchantTxnRef": "merchant_txn_ref", "billing-address": "billing_address",
		"expire_at": "expires_at", "return_urls": "return_url", "metdata": "metadata", "": "extra",
	} {
		got := problems(t, with(t, map[string]string{key: "1"}))
		if len(got) != 1 || !strings.HasPrefix(got[0], "/"+key+": ") || !strings.Contains(got[0], `nearest known one is "`+want+`"`) {
			t.Errorf("key %q: %q, want %q named", key, got, want)
		}
	}
}

func TestUnknownKeysAreBounded(t *testing.T) {
	long := problems(t, with(t, map[string]string{strings.Repeat("ü", 5000): "1"}))
	if len(long) != 1 || len(long[0]) > 400 {
		t.Errorf("a long key makes %d problems of %d bytes", len(long), len(long[0]))
	}
	odd := problems(t, with(t, map[string]string{"a/b~c": "1"}))
	if len(odd) != 1 || !strings.HasPrefix(odd[0], "/a~1b~0c: ") {
		t.Errorf("not a JSON pointer: %q", odd)
	}
	many := map[string]string{}
	for i := range 3000 {
		many[fmt.Sprintf("k%d", i)] = "1"
	}
	all := problems(t, with(t, many))
	if len(all) != 101 || all[100] != ": and 2900 further problems: mend these first" {
		t.Errorf("%d problems, the last %q", len(all), all[len(all)-1])
	}
}

func TestWrongTypesAreToldWithEverythingElse(t *testing.T) {
	got := problems(t, []byte(`{"merchant_id":7,"merchant_txn_ref":"","amount":true,"currency":null,"return_url":"http://x",
		"payment_method":[],"billing_address":null,"extra":1,"delivery":{"email":"a@b.example","sms":1},
		"metadata":{"n":1,"s":"ok"},"expires_at":12,"customer_ip":"x","nonsense":1}`))
	want := []string{
		"/amount: is a JSON boolean: it must be a number",
		"/billing_address: is null: leave the key out instead",
		"/currency: is null: leave the key out instead",
		"/customer_ip: is not an IP address",
		"/delivery/email: is a JSON string: it must be an object",
		"/delivery/sms: is not a known key",
		"/expires_at: is a JSON number: it must be a string",
		"/extra: is a JSON number: it must be an object",
		"/merchant_email: is required",
		"/merchant_id: is a JSON number: it must be a string",
		"/merchant_txn_ref: is empty",
		"/metadata/n: is a JSON number: it must be a string",
		"/nonsense: is not a known key",
		"/payment_method: is a JSON array: it must be an object",
		"/return_url: is a JSON string: it must be an object",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("problem %d\n got %q\nwant %q", i, got, want)
		}
	}
}

// TestRegressionTextThatBeginsLikeJSON: a text was told by its first character, so that "no order" was taken for a null.
func TestRegressionTextThatBeginsLikeJSON(t *testing.T) {
	for in, want := range map[string]string{
		"no order": "not valid JSON at byte 1", "true": "JSON boolean", "tru": "cut short after byte 3", "-": "cut short", "-x": "not valid JSON at byte 1", `"`: "cut short",
	} {
		if _, err := order.Decode([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

// TestRegressionByteOrderMark: an event with a mark was taken at some ways in, and refused as no JSON at others.
func TestRegressionByteOrderMark(t *testing.T) {
	plain := fixture(t, "full.json")
	marked := decode(t, append([]byte("\ufeff"), plain...))
	if marked.Fingerprint() != decode(t, plain).Fingerprint() || marked.Ref != "A/17 {🎎}" {
		t.Errorf("with a mark it is another order: %v", marked)
	}
}
