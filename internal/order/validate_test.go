package order_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
)

// expect says which problems an event with one changed member must have: none
// if want is "", else one whose line begins with it.
func expect(t *testing.T, field, raw, want string) {
	t.Helper()
	got := problems(t, with(t, map[string]string{field: raw}))
	switch {
	case want == "" && got != nil:
		t.Errorf("%s %.60s: %q, want it valid", field, raw, got)
	case want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)):
		t.Errorf("%s %.60s: %q, want %q", field, raw, got, want)
	}
}

func TestRequiredFieldsAreToldAtOnce(t *testing.T) {
	got := problems(t, []byte(`{}`))
	want := []string{"/billing_address", "/currency", "/merchant_email", "/merchant_id", "/merchant_txn_ref", "/payment_method", "/return_url"}
	if len(got) != len(want) {
		t.Fatalf("got %q, want one each for %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]+": is required") {
			t.Errorf("got %q, want %q required", got[i], want[i])
		}
	}
}

func TestErrorIsOneLineNamingEveryField(t *testing.T) {
	err := decode(t, with(t, map[string]string{"amount": "0", "merchant_txn_ref": `"a\nb"`})).Validate()
	line := fmt.Sprint(err)
	if strings.Contains(line, "\n") || !strings.HasPrefix(line, "invalid order: /amount: 0 is not") || !strings.Contains(line, "; /merchant_txn_ref: has a control") {
		t.Errorf("Error() = %q", line)
	}
}

func TestIdentifiers(t *testing.T) {
	for _, ok := range []string{"a", "a/b", "{a}", "a:b", "a b", "🎎", "a\u200fb", "é%41", `\"'`, strings.Repeat("界", 45)} {
		expect(t, "merchant_txn_ref", quoted(t, ok), "")
		expect(t, "merchant_id", quoted(t, ok), "")
	}
	for ref, want := range map[string]string{
		"a\x00b": "has a control character", "a\u0085b": "has a control character", "\x7f": "has a control character",
		" a": "begins or ends with white space", "a\u3000": "begins or ends with white space",
		strings.Repeat("界", 46): "has 46 characters: at most 45",
	} {
		expect(t, "merchant_txn_ref", quoted(t, ref), "/merchant_txn_ref: "+want)
	}
	expect(t, "merchant_id", quoted(t, strings.Repeat("界", 128)), "")
	expect(t, "merchant_id", quoted(t, strings.Repeat("a", 129)), "/merchant_id: has 129 characters: at most 128")
}

func TestEmails(t *testing.T) {
	for _, ok := range []string{"a@b.example", "first.last+tag@sub.shop.example", "用户@例子.example", "a_b'c@xn--r8jz45g.example"} {
		expect(t, "merchant_email", quoted(t, ok), "")
	}
	for _, bad := range []string{"a", "@b.example", "a@", "a@b", "a@@b.example", "a@b@c.example", "a@b..example", "a@.b.example", "a@b.example.",
		"A B <a@b.example>", "<a@b.example>", "a@b.example (x)", " a@b.example", "a@b.example ", "a b@c.example", `"a b"@c.example`,
		"a@[127.0.0.1]", "a@-b.example", "a@b_c.example", "a@b.example\r\nBcc: x@y.example", "a\x00@b.example", "a@b.example,c@d.example", "a;b@c.example\t"} {
		expect(t, "merchant_email", quoted(t, bad), "/merchant_email: is not a plain e-mail address")
	}
	expect(t, "merchant_email", quoted(t, strings.Repeat("a", 35)+"@b.example"), "")
	expect(t, "merchant_email", quoted(t, strings.Repeat("a", 36)+"@b.example"), "/merchant_email: has 46 characters: at most 45")
}

func TestReturnURLs(t *testing.T) {
	const at = "/return_url/success_url: "
	long := "https://shop.example/" + strings.Repeat("é", 234)
	for raw, want := range map[string]string{
		"http://www.successurl.com/": "", "HTTPS://shop.example": "", "http://127.0.0.1:8080/x?y=z#w": "", "https://例え.example/戻る": "", long: "",
		long + "x": at + "has 256 characters: at most 255",
		"":         at + "is not a web address", "shop.example/done": at, "//shop.example": at, "ftp://shop.example": at,
		"javascript:alert(1)": at, "https://": at, "https:///done": at, "https:shop.example": at, "http://:80/": at,
		"https://shop.example/a b": at, "https://shop.example/\n": at, `https:\\shop.example`: at, "http://[::1": at,
	} {
		expect(t, "return_url", `{"success_url":`+quoted(t, raw)+`}`, want)
	}
	expect(t, "return_url", `{"webhook_url":"https://a.example"}`, "")
	expect(t, "return_url", `{"sucess_url":"https://a.example"}`, "/return_url: has no address: give at least one of webhook_url")
	expect(t, "return_url", `{}`, "/return_url: has no address")
	expect(t, "return_url", `{"success_url":null}`, at+"is a JSON null")
}

func TestPaymentMethods(t *testing.T) {
	for raw, want := range map[string]string{
		`{"type":"gcash"}`: "", `{"type":"scheme","store_payment_method":false,"more":{}}`: "", `{"store_payment_method":true}`: "",
		`{"type":""}`: "/payment_method/type: is empty", `{"type":" "}`: "/payment_method/type: is empty", `{"type":1}`: "/payment_method/type: is a JSON number",
		`{"store_payment_method":"true"}`: "/payment_method/store_payment_method: is a JSON string: it must be true or false",
	} {
		expect(t, "payment_method", raw, want)
	}
}

func TestAddresses(t *testing.T) {
	limits := map[string]int{"phone_number": 20, "address1": 199, "city": 65, "state": 65, "postal_code": 45}
	for _, field := range []string{"billing_address", "shipping_address"} {
		for name, most := range limits {
			expect(t, field, fmt.Sprintf(`{%q:%q}`, name, strings.Repeat("区", most)), "")
			expect(t, field, fmt.Sprintf(`{%q:%q}`, name, strings.Repeat("区", most+1)), fmt.Sprintf("/%s/%s: has %d characters", field, name, most+1))
			expect(t, field, fmt.Sprintf(`{%q:7}`, name), "/"+field+"/"+name+": is a JSON number")
		}
		expect(t, field, `{}`, "")
		expect(t, field, `{"country":"JP","unknown":[1,{"a":null}]}`, "")
		expect(t, field, `{"email":"x"}`, "/"+field+"/email: is not a plain e-mail address")
		expect(t, field, `{"email":"`+strings.Repeat("a", 40)+`@b.example"}`, "/"+field+"/email: has 50 characters")
		expect(t, field, `{"country":null}`, "/"+field+"/country: is a JSON null")
	}
}

func TestSmallFields(t *testing.T) {
	for _, c := range [][3]string{
		{"customer_ip", `"203.0.113.7"`, ""},
		{"customer_ip", `"::ffff:203.0.113.7"`, ""},
		{"customer_ip", `"203.0.113.7:80"`, "/customer_ip: is not an IP address"},
		{"customer_ip", `"fe80::1%eth0"`, "/customer_ip: is not an IP address"},
		{"customer_ip", `"203.0.113.007"`, "/customer_ip: is not an IP address"},
		{"time_zone", `"` + strings.Repeat("界", 128) + `"`, ""},
		{"time_zone", `"` + strings.Repeat("x", 129) + `"`, "/time_zone: has 129 characters"},
		{"time_zone", `"a\tb"`, "/time_zone: has a control"},
		{"extra", `{}`, ""},
		{"extra", `{"amount":1}`, `/extra/amount: is a key of the order itself`},
		{"extra", `{"Delivery":1}`, `/extra/Delivery: is a key of the order itself: give it at the top level as "delivery"`},
		{"extra", `{"extra":1}`, `/extra/extra: is a key`},
		{"extra", `{"nested":{"amount":1}}`, ""},
		{"expires_at", `"2030-01-31T23:59:59.5Z"`, ""},
		{"expires_at", `"2030-01-31 23:59:59Z"`, "/expires_at: is not a time of RFC 3339"},
		{"expires_at", `"2030-01-31T23:59:59"`, "/expires_at: is not a time of RFC 3339"},
		{"expires_at", `"2030-02-30T00:00:00Z"`, "/expires_at: is not a time of RFC 3339"},
		{"expires_at", `"2030-01-31T23:59:59,5Z"`, "/expires_at: is not a time of RFC 3339"},
		{"expires_at", `"9999-12-31T23:59:59-12:00"`, "/expires_at: lies outside"},
		{"expires_at", `"2030-01-31T3:59:59Z"`, "/expires_at: is not a time of RFC 3339"},
		{"expires_at", `"2030-01-31T23:59:59+25:00"`, "/expires_at: is not a time of RFC 3339"},
		{"expires_at", `"0001-01-01T00:00:00Z"`, "/expires_at: lies outside"},
		{"expires_at", `""`, "/expires_at: is empty"},
	} {
		expect(t, c[0], c[1], c[2])
	}
}

func TestDeliveries(t *testing.T) {
	const to = `{"email":{"to":"a@b.example",%s}}`
	for raw, want := range map[string]string{
		`{"email":{"to":"a@b.example"}}`:                         "",
		fmt.Sprintf(to, `"locale":"ja"`):                         "",
		fmt.Sprintf(to, `"locale":"zh-Hant-TW"`):                 "",
		fmt.Sprintf(to, `"locale":"en_US"`):                      "/delivery/email/locale: is not a language tag",
		fmt.Sprintf(to, `"locale":"japanese"`):                   "/delivery/email/locale: is not a language tag",
		fmt.Sprintf(to, `"name":"`+strings.Repeat("é", 128)+`"`): "",
		fmt.Sprintf(to, `"name":"`+strings.Repeat("é", 129)+`"`): "/delivery/email/name: has 129 characters",
		fmt.Sprintf(to, `"name":"a\r\nBcc: x@y.example"`):        "/delivery/email/name: has a control character",
		fmt.Sprintf(to, `"lang":"ja"`):                           "/delivery/email/lang: is not a known key",
		`{}`:                                                     "/delivery/email: is required",
		`{"email":{}}`:                                           "/delivery/email/to: is required",
		`{"email":{"to":""}}`:                                    "/delivery/email/to: is empty",
		`{"email":{"to":"A <a@b.example>"}}`:                     "/delivery/email/to: is not a plain e-mail",
		`{"email":null}`:                                         "/delivery/email: is null",
	} {
		expect(t, "delivery", raw, want)
	}
}

func TestMetadata(t *testing.T) {
	pairs := func(n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(`"k%d":""`, i)
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	key, value := strings.Repeat("鍵", 40), strings.Repeat("値", 500)
	expect(t, "metadata", pairs(50), "")
	expect(t, "metadata", pairs(51), "/metadata: has 51 keys: at most 50")
	expect(t, "metadata", fmt.Sprintf(`{%q:%q}`, key, value), "")
	expect(t, "metadata", fmt.Sprintf(`{%q:""}`, key+"x"), "/metadata/"+key+"…: has 41 characters")
	expect(t, "metadata", fmt.Sprintf(`{"a":%q}`, value+"x"), "/metadata/a: has a value of 501 characters")
}

// Orders and defaults made in Go have not been through Decode.
func TestValidateTrustsNoOrderMadeInGo(t *testing.T) {
	o := decode(t, fixture(t, "full.json"))
	o.Ref, o.Amount, o.TimeZone = "a\xffb", "1e3", "\xff"
	o.ReturnURL, o.BillingAddress, o.Extra = []byte(`{"a":`), []byte(`[]`), []byte(`{"a":1,"a":2}`)
	want := []string{"/amount: 1e3 has an exponent", "/billing_address: is not a JSON object", "/extra: is not a JSON object",
		"/merchant_txn_ref: is not valid UTF-8", "/return_url: is not a JSON object", "/time_zone: is not valid UTF-8"}
	got := lines(t, o.Validate())
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
}

func TestProblemsShowNoPersonalData(t *testing.T) {
	const marker = "Geheim"
	long := strings.Repeat(marker, 100)
	event := map[string]string{"merchant_email": `"` + marker + `"`, "customer_ip": `"` + marker + `"`, "expires_at": `"` + marker + `"`,
		"return_url": `{"success_url":"` + marker + `"}`, "payment_method": `{"type":{"a":"` + marker + `"}}`,
		"delivery": `{"email":{"to":"` + marker + `","name":"` + marker + `\n","locale":"` + marker + `"}}`, "metadata": `{"k":["` + marker + `"]}`,
		"extra": `{"amount":"` + marker + `"}`, "time_zone": `"` + long + `"`}
	for _, a := range []string{"billing_address", "shipping_address"} {
		event[a] = fmt.Sprintf(`{"email":%q,"phone_number":%[2]q,"address1":%[2]q,"city":%[2]q,"state":%[2]q,"postal_code":[%[2]q]}`, marker, long)
	}
	err := decode(t, with(t, event)).Validate()
	if n := len(lines(t, err)); n < 20 || strings.Contains(err.Error(), marker) {
		t.Errorf("%d problems, and perhaps personal data: %v", n, err)
	}
	_, err = order.Decode([]byte(`{"billing_address":{"city":"` + marker + `","city":"` + marker + `"` + marker))
	if err == nil || strings.Contains(err.Error(), marker) {
		t.Errorf("Decode: %v", err)
	}
}
