package gateway_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

func TestMessageIsDugOut(t *testing.T) {
	for body, want := range map[string]string{
		`{"success":false,"status_code":400,"gateway_response":{"type":"E","message":"bad currency","code":"7"},"message":"outer"}`: "bad currency",
		`{"statusCode":400,"message":"bad amount","messageCode":"M1","success":false,"data":null}`:                                  "bad amount",
		`{"status":400,"message":["a is bad","b is bad"],"error":"Bad Request"}`:                                                    "a is bad; b is bad",
		`{"success":false,"failure_information":[{"errorcode":"1","errormessage":"no city"},{"errormessage":"no state"}]}`:          "no city; no state",
		`{"error_message":"wrong"}`:                                            "wrong",
		`{"error":"wrong"}`:                                                    "wrong",
		`{"error":{"code":4,"message":"wrong"}}`:                               "wrong",
		`{"errors":[{"message":"one"},{"message":"two"}]}`:                     "one; two",
		`{"message":"","gateway_response":null,"error":"wrong"}`:               "wrong",
		`{"message":"twice","message":"twice"}`:                                "twice",
		"\ufeff{\"message\":\"marked\"}":                                       "marked",
		`"just text"`:                                                          "just text",
		"Too many\r\n\trequests\x00\x1b[31m\u202e":                             "Too many requests[31m",
		`<html><head><TITLE lang="en">502 Bad&nbsp;Gateway &amp; co</TITLE>`:   "502 Bad Gateway & co",
		`<html><body>secret</body></html>`:                                     "the gateway answered 400 Bad Request",
		`{"message":{"deep":{"error":"unseen"}}}`:                              "the gateway answered 400 Bad Request",
		`{"message":"cut o`:                                                    "the gateway answered 400 Bad Request",
		`{"unknown":"x"}`:                                                      "the gateway answered 400 Bad Request",
		`[[[[[[{"message":"deep"}]]]]]]`:                                       "the gateway answered 400 Bad Request",
		" \n ":                                                                 "the gateway answered 400 Bad Request",
		`{"message":"` + strings.Repeat("長", 300) + `"}`:                       strings.Repeat("長", 199) + "…",
		`{"message":"country JP is not supported for 2003089893366DTEST"}`:     "country JP is not supported for 2003089893366DTEST",
		`{"message":"unknown e-mail someone.else@other.example, ask support"}`: "unknown e-mail [redacted], ask support",
	} {
		if a := ask(t, answering(400, nil, body)); a.Message != want {
			t.Errorf("%s\n%q, want %q", body, a.Message, want)
		}
	}
}

// planted is an order and a profile whose every private value is listed.
func planted(t *testing.T) (*order.Order, merchant.Profile, []string) {
	private := []string{
		"merchant.private@example.com", "198.51.100.77", "太郎", "山田", "O'Brien & Söhne",
		"billing.private@example.com", "+81 3-1234-5678", "12 Ada Lovelace Lane", "Quietville", "Li", "99501-7",
		"recipient.private@example.com", "Recipient Fullname", "return-token-5566", "extra-value-7788", "9031112222",
		"raw-api-key", base64.StdEncoding.EncodeToString([]byte("raw-api-key:")), "second-secret-key",
	}
	quoted := func(i int) string { b, _ := jsontext.AppendQuote(nil, private[i]); return string(b) }
	o := pageOrder()
	o.MerchantEmail, o.CustomerIP = private[0], private[1]
	o.BillingAddress = jsontext.Value(`{"first_name":` + quoted(2) + `,"last_name":` + quoted(3) + `,"company":` + quoted(4) +
		`,"email":` + quoted(5) + `,"phone_number":` + quoted(6) + `,"country":"JP"}`)
	o.ShippingAddress = jsontext.Value(`{"address1":` + quoted(7) + `,"city":` + quoted(8) + `,"name":` + quoted(9) + `,"postal_code":` + quoted(10) + `}`)
	o.Delivery = &order.Delivery{Email: &order.EmailDelivery{To: private[11], Name: private[12]}}
	o.ReturnURL = jsontext.Value(`{"success_url":` + quoted(13) + `}`)
	o.Extra = jsontext.Value(`{"customer":{"notes":[` + quoted(14) + `,` + private[15] + `]}}`)
	p := profile(t, "https://gateway.example")
	p.APIKey, p.XAPIKey = merchant.NewSecret(private[17]), merchant.NewSecret(private[18])
	return o, p, private
}

func TestMessageRepeatsNothingPrivate(t *testing.T) {
	o, p, private := planted(t)
	disguises := map[string]func(string) string{
		"as it is":  func(s string) string { return s },
		"capitals":  strings.ToUpper,
		"HTML":      html.EscapeString,
		"query":     url.QueryEscape,
		"path":      url.PathEscape,
		"blanks":    func(s string) string { return strings.ReplaceAll(s, " ", " \n ") },
		"invisible": func(s string) string { return s[:1] + "\u200b" + s[1:] },
	}
	for _, value := range private {
		for name, disguise := range disguises {
			if name == "invisible" && value[0] >= utf8.RuneSelf {
				continue // would cut a character in two
			}
			said, err := json.Marshal(map[string]string{"message": "The value (" + disguise(value) + ") is bad"})
			if err != nil {
				t.Fatal(err)
			}
			a := read(p, o, 400, string(said))
			rest := strings.NewReplacer("The value", "", "is bad", "", "[redacted]", "").Replace(a.Message)
			if !strings.Contains(a.Message, "[redacted]") || !strings.Contains(a.Message, "is bad") ||
				strings.ContainsFunc(rest, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
				t.Errorf("%s, %s: message %q", value, name, a.Message)
			}
		}
	}
}

// TestRegressionEscapedValuesAreRedacted: a gateway that repeats a request's JSON as it came, or as PHP or Python write it,
// once showed names outside ASCII, web addresses and stored cards.
func TestRegressionEscapedValuesAreRedacted(t *testing.T) {
	o := pageOrder()
	o.BillingAddress = jsontext.Value(`{"country":"JP","city":"\u65b0\u5bbf\ud83c\udf8e","address1":"a \"b\" c\\d"}`)
	o.ReturnURL = jsontext.Value(`{"success_url":"https://shop.example/ok?t=5566"}`)
	o.PaymentMethod = jsontext.Value(`{"type":"scheme","stored_payment_method_id":"tok_4242"}`)
	sent := string(o.Encode())
	for name, body := range map[string]string{
		"as it came": sent, "in capitals": strings.ReplaceAll(sent, `\ud83c\udf8e`, `\uD83C\uDF8E`), "PHP": strings.ReplaceAll(sent, "/", `\/`),
		"JavaScript": strings.NewReplacer(`\u65b0\u5bbf\ud83c\udf8e`, "新宿🎎").Replace(sent),
	} {
		for _, value := range []string{`65b0`, `8e"`, `8E"`, "新", `\"b`, `c\\d`, "shop.example", "5566", "tok_4242"} {
			at := strings.Index(body, value)
			if at < 0 {
				continue
			}
			part := body[max(0, at-60):min(len(body), at+60)]
			if a := read(profile(t, "https://gateway.example"), o, 400, "can not read: "+body[strings.LastIndexByte(body[:at], '{'):]); strings.Contains(a.Message, value) {
				t.Errorf("%s: %q of %q is in %q", name, value, part, a.Message)
			}
		}
	}
}

// TestRegressionValuesInJSONSafeWithinHTMLAreRedacted: writers like Go's, which escape what means something in HTML, once showed
// the values that have any of it.
func TestRegressionValuesInJSONSafeWithinHTMLAreRedacted(t *testing.T) {
	o := pageOrder()
	o.BillingAddress = jsontext.Value(`{"address1":"Flat 9c <rear> & O'Neil \"up\" a=b"}`)
	for name, body := range map[string]string{
		"Go": `Flat 9c \u003crear\u003e \u0026 O'Neil \"up\" a=b`, "Gson": `Flat 9c \u003crear\u003e \u0026 O\u0027Neil \"up\" a\u003db`,
		"PHP": `Flat 9c \u003Crear\u003E \u0026 O\u0027Neil \u0022up\u0022 a=b`, "XML": `Flat 9c &lt;rear&gt; &amp; O&apos;Neil &#34;up&#34; a=b`,
	} {
		said, err := json.Marshal(map[string]string{"message": "bad: " + body})
		if err != nil {
			t.Fatal(err)
		}
		if a := read(profile(t, "https://gateway.example"), o, 400, string(said)); a.Message != "bad: [redacted]" {
			t.Errorf("%s: %q", name, a.Message)
		}
	}
}

// TestRegressionEncodedKeyWithoutItsPaddingIsRedacted: what a gateway cut off behind an encoded key, or took for none of it, once
// had the whole key shown.
func TestRegressionEncodedKeyWithoutItsPaddingIsRedacted(t *testing.T) {
	p := profile(t, "https://gateway.example")
	p.APIKey = merchant.EncodeAPIKey("key-47115", merchant.KeyUser)
	for _, said := range []string{p.APIKey.Reveal(), strings.TrimRight(p.APIKey.Reveal(), "="), "key-47115"} {
		if a := read(p, pageOrder(), 401, "unknown key "+said); a.Message != "unknown key [redacted]" {
			t.Errorf("%s: %q", said, a.Message)
		}
	}
}

func TestRegroupedTelephoneNumberIsRedacted(t *testing.T) {
	o, p, _ := planted(t)
	for _, number := range []string{"+81312345678", "81-3-1234-5678", "(81) 3 1234.5678", "903-111-2222"} {
		if a := read(p, o, 422, `{"message":"bad `+number+` given"}`); strings.ContainsAny(a.Message, "123") {
			t.Errorf("message %q", a.Message)
		}
	}
}

func TestPrivateValueAtTheCutIsRedacted(t *testing.T) {
	o, p, private := planted(t)
	for shift := range 40 {
		a := read(p, o, 400, strings.Repeat("x ", 80+shift/2)+strings.Repeat("y", shift%2)+" "+private[7])
		if strings.Contains(a.Message, "12 A") {
			t.Fatalf("message %q", a.Message)
		}
	}
}

func TestShortNameIsRedactedAsWordOnly(t *testing.T) {
	o, p, _ := planted(t)
	if a := read(p, o, 400, `Limit of Li exceeded`); a.Message != "Limit of [redacted] exceeded" {
		t.Errorf("message %q", a.Message)
	}
}

func TestEveryAnswerMessageIsClean(t *testing.T) {
	o, p, private := planted(t)
	all := strings.Join(private, " | ")
	said, err := json.Marshal(map[string]any{"failure_information": []any{map[string]string{"errormessage": all}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{200, 302, 400, 401, 409, 429, 500, 503} {
		a := read(p, o, status, string(said))
		for _, value := range private {
			if bytes.Contains([]byte(a.Message), []byte(value)) {
				t.Errorf("%d: message %q holds %q", status, a.Message, value)
			}
		}
	}
}

// tidy reports whether a message may be published.
func tidy(message string) bool {
	return utf8.ValidString(message) && utf8.RuneCountInString(message) <= 200 &&
		!strings.ContainsFunc(message, func(r rune) bool { return unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' })
}
