package hostile_test

import (
	"fmt"
	"slices"
	"strings"
)

// row is an event as a producer may send it.
type row struct {
	name  string
	event string
	want  []string // "field: message" of everything that is wrong with it; none of an order that is taken
	long  bool     // the ways in over HTTP do not read it to its end, and say so in their own words
}

// never is planted in events of which nothing may stay; once, of the same length, stands there in good ones.
const (
	never = "Nirgendwo-Str. 5"
	once  = "Irgendwo-Weg 16."
)

// base is a good order but for its ref, as raw JSON by field.
var base = [][2]string{
	{"merchant_id", `"M1"`},
	{"merchant_txn_ref", `"r"`},
	{"amount", "1000"},
	{"currency", `"JPY"`},
	{"merchant_email", `"shop@shop.example"`},
	{"return_url", `{"success_url":"https://shop.example/ok"}`},
	{"payment_method", `{"type":"scheme"}`},
	{"billing_address", `{"country":"JP","address1":"` + never + `"}`},
}

// with is the base with raw members in place of its own, given as name and value; "" leaves one out, and new ones go last.
func with(pairs ...string) string {
	all := slices.Clone(base)
	for i := 0; i < len(pairs); i += 2 {
		at := slices.IndexFunc(all, func(m [2]string) bool { return m[0] == pairs[i] })
		if at < 0 {
			at, all = len(all), append(all, [2]string{pairs[i]})
		}
		all[at][1] = pairs[i+1]
	}
	var members []string
	for _, m := range all {
		if m[1] != "" {
			members = append(members, fmt.Sprintf("%q:%s", m[0], m[1]))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

const (
	badJSON = ": write it by RFC 8259, which has no comments, final commas, single quotes, bare line breaks in texts or numbers like NaN, 01 and 0x10"
	half    = " (an escape from \\ud800 to \\udfff without its other half) at byte %d: write both halves, or the character itself"
	notOne  = ": the event is a JSON %s: send one object"
	noURL   = ": is not a web address: write it like https://shop.example/done"
	noMail  = ": is not a plain e-mail address: write it like name@example.com, without a display name"
	noTime  = "/expires_at: is not a time of RFC 3339: write it like 2030-01-31T23:59:59Z"
	noDec   = "/amount: is not a decimal number: write it in digits like 1234.50, without sign, spaces, currency or thousands separators"
	empty   = ": is empty: give it a value or, if it is optional, leave the key out"
	null    = ": is null: leave the key out instead"
	control = ": has a control character (a line break, tab or NUL): remove it"
	inExtra = `". What the gateway takes without documenting it goes into "extra"`
	ours    = `: is a key of the order itself: give it at the top level as "`
	request = ": is required: give it in the order or in the merchant's defaults"
	noMore  = ": more follows after the event's object: send one object at a time"
)

func brokenAt(n int) []string {
	return []string{fmt.Sprintf(": the event is not valid JSON at byte %d", n) + badJSON}
}

func one(problem string, args ...any) []string { return []string{fmt.Sprintf(problem, args...)} }

// refused are the rows of which none becomes an order.
var refused = slices.Concat(unreadable, odd)

// unreadable are no JSON object of which single fields could be looked at.
var unreadable = []row{
	{name: "nothing", event: "", want: one(": the event is empty: send a JSON object")},
	{name: "white space", event: " \r\n\t ", want: one(": the event is empty: send a JSON object")},
	{name: "no JSON", event: "order=1&amount=5", want: brokenAt(0)},
	{name: "null", event: "null", want: one(notOne, "null")},
	{name: "a number", event: "17", want: one(notOne, "number")},
	{name: "a text", event: `"{}"`, want: one(notOne, "string")},
	{name: "a boolean", event: "true", want: one(notOne, "boolean")},
	{name: "an array", event: "[" + with() + "]", want: one(notOne, "array")},
	{name: "prose", event: "no order today", want: brokenAt(1)},
	{name: "XML", event: "<order/>", want: brokenAt(0)},
	{name: "cut short", event: with()[:40], want: one(": the event is cut short after byte 40: send all of it")},
	{name: "two orders", event: with() + with(), want: one(noMore)},
	{name: "rubbish behind", event: with() + " x", want: one(noMore)},
	{name: "a brace too many", event: with() + "}", want: one(noMore)},
	{name: "a comment", event: "{/* no */}", want: brokenAt(1)},
	{name: "a comment behind", event: with() + "// no", want: one(noMore)},
	{name: "a final comma", event: `{"amount":1,}`, want: brokenAt(11)},
	{name: "single quotes", event: `{'amount':1}`, want: brokenAt(1)},
	{name: "a bare name", event: `{amount:1}`, want: brokenAt(1)},
	{name: "a line break in a text", event: "{\"city\":\"a\nb\"}", want: brokenAt(10)},
	{name: "a tab in a text", event: "{\"city\":\"a\tb\"}", want: brokenAt(10)},
	{name: "a NUL in a text", event: "{\"city\":\"a\x00b\"}", want: brokenAt(10)},
	{name: "a NUL in front", event: "\x00" + with(), want: one(": the event is written in UTF-16: encode it as UTF-8")},
	{name: "a NUL behind", event: with() + "\x00", want: one(noMore)},
	{name: "NaN", event: `{"amount":NaN}`, want: brokenAt(10)},
	{name: "infinite", event: `{"amount":-Infinity}`, want: brokenAt(11)},
	{name: "hexadecimal", event: `{"amount":0x10}`, want: brokenAt(11)},
	{name: "octal", event: `{"amount":010}`, want: brokenAt(11)},
	{name: "separators", event: `{"amount":1_000}`, want: brokenAt(11)},
	{name: "a plus sign", event: `{"amount":+1}`, want: brokenAt(10)},
	{name: "no digit in front", event: `{"amount":.5}`, want: brokenAt(10)},
	{name: "no digit behind", event: `{"amount":5.}`, want: brokenAt(12)},
	{name: "an escape of C", event: `{"city":"\x41"}`, want: brokenAt(9)},
	{name: "a key twice", event: with()[:len(with())-1] + `,"amount":1}`, want: one(`: the key "amount" is given twice (at byte %d): keep one of them`, len(with()))},
	{name: "a key twice, one escaped", event: `{"amount":1,"\u0061mount":2}`, want: one(`: the key "amount" is given twice (at byte 12): keep one of them`)},
	{name: "a key twice, nested", event: `{"billing_address":{"city":"a","city":"b"}}`, want: one(`: the key "city" is given twice (at byte 31): keep one of them`)},
	{name: "a key twice, in an array", event: `{"extra":{"a":[{"b":1,"b":1}]}}`, want: one(`: the key "b" is given twice (at byte 22): keep one of them`)},
	{name: "invalid UTF-8", event: "{\"city\":\"a\xff\"}", want: one(": the event is not valid UTF-8 at byte 10: encode its text as UTF-8")},
	{name: "invalid UTF-8 in a key", event: "{\"\xc3\":1}", want: one(": the event is not valid UTF-8 at byte 2: encode its text as UTF-8")},
	{name: "Latin-1", event: "{\"city\":\"K\xf6ln\"}", want: one(": the event is not valid UTF-8 at byte 10: encode its text as UTF-8")},
	{name: "a surrogate as bytes", event: "{\"city\":\"\xed\xa0\x80\"}", want: one(": the event is not valid UTF-8 at byte 9: encode its text as UTF-8")},
	{name: "half a surrogate pair", event: `{"city":"\ud800"}`, want: one(": the event has half of a character"+half, 9)},
	{name: "a pair the wrong way round", event: `{"city":"\udc00\ud800"}`, want: one(": the event has half of a character"+half, 9)},
	{name: "UTF-16, little end first", event: "\xff\xfe{\x00}\x00", want: one(": the event is written in UTF-16: encode it as UTF-8")},
	{name: "UTF-16, big end first", event: "\xfe\xff\x00{\x00}", want: one(": the event is written in UTF-16: encode it as UTF-8")},
	{name: "UTF-16 without a mark", event: "{\x00}\x00", want: one(": the event is written in UTF-16: encode it as UTF-8")},
	{name: "two byte order marks", event: "\ufeff\ufeff" + with(), want: brokenAt(0)},
	{name: "a no-break space behind", event: with() + "\u00a0", want: one(noMore)},
	{name: "deep", event: strings.Repeat(`{"extra":`, 33) + "{}" + strings.Repeat("}", 33), want: one(": the event nests deeper than 32 levels: flatten it")},
	{name: "deep arrays", event: `{"extra":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + "}", want: one(": the event nests deeper than 32 levels: flatten it")},
	{name: "10 MB", event: with("extra", `{"a":"`+strings.Repeat("x", 10<<20)+`"}`), want: one(": the event has %d bytes: at most 65536 are taken", 10<<20+len(with("extra", `{"a":""}`))), long: true},
	{name: "10 MB of nothing", event: "{" + strings.Repeat(" ", 10<<20) + "}", want: one(": the event has %d bytes: at most 65536 are taken", 10<<20+2), long: true},
	{name: "a byte too many", event: with("extra", `{"a":"`+strings.Repeat("x", 65537-len(with("extra", `{"a":""}`)))+`"}`), want: one(": the event has 65537 bytes: at most 65536 are taken"), long: true},
}

// odd are objects that are no valid order.
var odd = []row{
	{name: "an empty object", event: "{}", want: []string{
		"/billing_address" + request, "/currency" + request, "/merchant_email" + request, "/merchant_id: is required: it is part of the order's identity",
		"/merchant_txn_ref: is required: it is part of the order's identity", "/payment_method" + request, "/return_url" + request}},
	{name: "every type wrong", event: `{"merchant_id":1,"merchant_txn_ref":["r"],"amount":{},"currency":392,"merchant_email":true,"return_url":"https://a.example",` +
		`"payment_method":"scheme","billing_address":[],"shipping_address":"x","customer_ip":1,"time_zone":2,"extra":[],"delivery":"a@b.example","metadata":[],"expires_at":1893456000}`, want: []string{
		"/amount: is a JSON object: it must be a number", "/billing_address: is a JSON array: it must be an object", "/currency: is a JSON number: it must be a string",
		"/customer_ip: is a JSON number: it must be a string", "/delivery: is a JSON string: it must be an object", "/expires_at: is a JSON number: it must be a string",
		"/extra: is a JSON array: it must be an object", "/merchant_email: is a JSON boolean: it must be a string", "/merchant_id: is a JSON number: it must be a string",
		"/merchant_txn_ref: is a JSON array: it must be a string", "/metadata: is a JSON array: it must be an object", "/payment_method: is a JSON string: it must be an object",
		"/return_url: is a JSON string: it must be an object", "/shipping_address: is a JSON string: it must be an object", "/time_zone: is a JSON number: it must be a string"}},
	{name: "amount null", event: with("amount", "null"), want: one("/amount" + null)},
	{name: "amount empty", event: with("amount", `""`), want: one("/amount" + empty)},
	{name: "amount zero", event: with("amount", "0.00"), want: one("/amount: 0 is not greater than 0: leave the amount out to let the customer enter it")},
	{name: "amount minus zero", event: with("amount", "-0"), want: one("/amount: -0 is not greater than 0")},
	{name: "amount negative", event: with("amount", "-5.00"), want: one("/amount: -5.00 is not greater than 0")},
	{name: "amount 1e400", event: with("amount", "1e400"), want: one("/amount: 1e400 has an exponent: write all its digits, as in 1500 for 1.5e3")},
	{name: "amount 1E3", event: with("amount", "1E3"), want: one("/amount: 1E3 has an exponent: write all its digits, as in 1500 for 1.5e3")},
	{name: "amount 0x10 as text", event: with("amount", `"0x10"`), want: one(noDec)},
	{name: "amount 1_000 as text", event: with("amount", `"1_000"`), want: one(noDec)},
	{name: "amount 1,000.50", event: with("amount", `"1,000.50"`), want: one(noDec)},
	{name: "amount of money", event: with("amount", `"¥1000"`), want: one(noDec)},
	{name: "amount NaN as text", event: with("amount", `"NaN"`), want: one(noDec)},
	{name: "amount in wide digits", event: with("amount", `"１０００"`), want: one(noDec)},
	{name: "amount with a space", event: with("amount", `" 1000"`), want: one(noDec)},
	{name: "amount with too many digits", event: with("amount", "0.1"+strings.Repeat("0", 60)+"1", "currency", `"EUR"`), want: []string{
		"/amount: 0.10000000000000000000000000000000000000… has 63 digits: the gateway takes at most 10",
		"/amount: EUR has 2 fraction digits; 0.10000000000000000000000000000000000000… has 62: round it before sending"}},
	{name: "amount with too many minor digits", event: with("amount", "10.5"), want: one("/amount: JPY has 0 fraction digits; 10.5 has 1: round it before sending")},
	{name: "amount huge", event: with("amount", "99999999999"), want: one("/amount: 99999999999 has 11 digits: the gateway takes at most 10")},
	{name: "currency in small letters", event: with("currency", `"jpy"`), want: one(`/currency: "jpy" is not in capitals: write "JPY"`)},
	{name: "currency that is none", event: with("currency", `"¥"`), want: one(`/currency: is not a currency in use by ISO 4217: write a code like "JPY" or "EUR"`)},
	{name: "unknown key", event: with("ammount", "1"), want: one(`/ammount: is not a known key; the nearest known one is "amount` + inExtra)},
	{name: "unknown keys", event: with("billingAddress", "{}", "lane", `"bulk"`, "__proto__", "{}"), want: []string{
		`/__proto__: is not a known key; the nearest known one is "amount` + inExtra, `/billingAddress: is not a known key; the nearest known one is "billing_address` + inExtra,
		`/lane: is not a known key; the nearest known one is "amount` + inExtra}},
	{name: "ref missing", event: with("merchant_txn_ref", ""), want: one("/merchant_txn_ref: is required: it is part of the order's identity")},
	{name: "ref empty", event: with("merchant_txn_ref", `""`), want: one("/merchant_txn_ref" + empty)},
	{name: "ref null", event: with("merchant_txn_ref", "null"), want: one("/merchant_txn_ref" + null)},
	{name: "ref a number", event: with("merchant_txn_ref", "17"), want: one("/merchant_txn_ref: is a JSON number: it must be a string")},
	{name: "ref a space", event: with("merchant_txn_ref", `" "`), want: one("/merchant_txn_ref: begins or ends with white space: trim it")},
	{name: "ref with a wide space behind", event: with("merchant_txn_ref", `"a\u3000"`), want: one("/merchant_txn_ref: begins or ends with white space: trim it")},
	{name: "ref with a line break", event: with("merchant_txn_ref", `"bad\naccepted  M1  forged"`), want: one("/merchant_txn_ref" + control)},
	{name: "ref with a NUL", event: with("merchant_txn_ref", `"bad\u0000"`), want: one("/merchant_txn_ref" + control)},
	{name: "ref that steers a terminal", event: with("merchant_txn_ref", `"bad\u001b[2J"`), want: one("/merchant_txn_ref" + control)},
	{name: "ref of 46 characters", event: with("merchant_txn_ref", `"`+strings.Repeat("界", 46)+`"`), want: one("/merchant_txn_ref: has 46 characters: at most 45 are taken")},
	{name: "ref of 60,000 characters", event: with("merchant_txn_ref", `"`+strings.Repeat("x", 60_000)+`"`), want: one("/merchant_txn_ref: has 60000 characters: at most 45 are taken")},
	{name: "merchant unknown", event: with("merchant_id", `"M9"`), want: one("/merchant_id: there is no profile for this merchant: check its spelling, or set the merchant up")},
	{name: "merchant in small letters", event: with("merchant_id", `"m1"`), want: one("/merchant_id: there is no profile for this merchant: check its spelling, or set the merchant up")},
	{name: "merchant empty", event: with("merchant_id", `""`), want: one("/merchant_id" + empty)},
	{name: "merchant of odd characters, and unknown", event: with("merchant_id", `"../{M1}:*\u202e"`), want: one("/merchant_id: there is no profile for this merchant: check its spelling, or set the merchant up")},
	{name: "metadata of 51 entries", event: with("metadata", manyKeys(51)), want: one("/metadata: has 51 keys: at most 50 are taken")},
	{name: "metadata that is no text", event: with("metadata", `{"a":1,"b":null,"c":{},"d/~":["x"]}`), want: []string{
		"/metadata/a: is a JSON number: it must be a string", "/metadata/b" + null, "/metadata/c: is a JSON object: it must be a string", "/metadata/d~1~0: is a JSON array: it must be a string"}},
	{name: "metadata too long", event: with("metadata", `{"a":"`+strings.Repeat("字", 501)+`"}`), want: one("/metadata/a: has a value of 501 characters: at most 500 are taken")},
	{name: "expires_at a date", event: with("expires_at", `"2030-01-31"`), want: one(noTime)},
	{name: "expires_at without a zone", event: with("expires_at", `"2030-01-31T00:00:00"`), want: one(noTime)},
	{name: "expires_at with a space", event: with("expires_at", `"2030-01-31 00:00:00Z"`), want: one(noTime)},
	{name: "expires_at 30 February", event: with("expires_at", `"2030-02-30T00:00:00Z"`), want: one(noTime)},
	{name: "expires_at in seconds", event: with("expires_at", `"1893456000"`), want: one(noTime)},
	{name: "expires_at long ago", event: with("expires_at", `"1970-01-01T00:00:00Z"`), want: one("/expires_at: lies outside the years 2000 to 9999")},
	{name: "no URL", event: with("return_url", "{}"), want: one("/return_url: has no address: give at least one of webhook_url, success_url, decline_url, cancel_url")},
	{name: "URLs of every kind", event: with("return_url", `{"success_url":"javascript:alert(1)","cancel_url":"//shop.example","decline_url":"file:///etc/passwd","webhook_url":"https://shop.example/a b"}`), want: []string{
		"/return_url/cancel_url" + noURL, "/return_url/decline_url" + noURL, "/return_url/success_url" + noURL, "/return_url/webhook_url" + noURL}},
	{name: "URL of 5,000 characters", event: with("return_url", `{"success_url":"https://shop.example/`+strings.Repeat("x", 4979)+`"}`), want: one("/return_url/success_url: has 5000 characters: at most 255 are taken")},
	{name: "merchant_email with a name", event: with("merchant_email", `"Shop <a@b.example>"`), want: one("/merchant_email" + noMail)},
	{name: "emails of every kind", event: with("merchant_email", `"a@b"`, "billing_address", `{"email":"a@b.example, c@d.example"}`, "shipping_address", `{"email":"a@b.example\r\nBcc: c@d.example"}`), want: []string{
		"/billing_address/email" + noMail, "/merchant_email" + noMail, "/shipping_address/email" + noMail}},
	{name: "country by its name", event: with("billing_address", `{"country":"Japan"}`), want: one(`/billing_address/country: "Japan" is not a country code of ISO 3166: write "JP"`)},
	{name: "country unknown", event: with("billing_address", `{"country":"ZZ"}`), want: one(`/billing_address/country: "ZZ" is not a country code of ISO 3166: write two capitals like "JP"`)},
	{name: "IP with a port", event: with("customer_ip", `"203.0.113.7:80"`), want: one("/customer_ip: is not an IP address: write it like 203.0.113.7 or 2001:db8::7")},
	{name: "extra that collides", event: with("extra", `{"amount":1,"Merchant_ID":"M2","metadata":{}}`), want: []string{
		"/extra/Merchant_ID" + ours + `merchant_id"`, "/extra/amount" + ours + `amount"`, "/extra/metadata" + ours + `metadata"`}},
	{name: "delivery with a hostile name", event: with("delivery", `{"email":{"to":"a@b.example","name":"A\r\nBcc: x@y.example","locale":"../../etc"}}`), want: []string{
		"/delivery/email/locale: is not a language tag of BCP 47: write it like \"ja\" or \"en-GB\"", "/delivery/email/name" + control, deliveryOff}},
	{name: "delivery to nobody", event: with("delivery", `{}`), want: one("/delivery/email: is required: say to whom the link goes, or leave delivery out")},
	{name: "delivery that nobody sends", event: with("delivery", `{"email":{"to":"a@b.example"}}`), want: one(deliveryOff)},
	{name: "delivery by pigeon", event: with("delivery", `{"email":{"to":"a@b.example","cc":"x"},"pigeon":1}`), want: []string{
		`/delivery/email/cc: is not a known key: an email has "to", "name" and "locale"`, `/delivery/pigeon: is not a known key: delivery has "email" only`, deliveryOff}},
}

// deliveryOff is what is said where no worker sends emails.
const deliveryOff = "/delivery/email: no worker sends emails: set HPPLINK_SMTP for the workers, or leave delivery out and take the link from the result stream"

// taken are the rows that get a link, however odd they are. None has a ref yet.
var taken = []row{
	{name: "plain", event: with()},
	{name: "a byte order mark", event: "\ufeff" + with()},
	{name: "white space around", event: " \t" + with() + " \r"},
	{name: "another order of keys", event: `{"billing_address":{},"payment_method":{},"merchant_email":"shop@shop.example","return_url":{"cancel_url":"http://127.0.0.1/"},"currency":"KWD","merchant_txn_ref":"r","merchant_id":"M1"}`},
	{name: "escapes", event: with("merchant_id", `"\u004d\u0031"`)},
	{name: "the odd merchant", event: with("merchant_id", fmt.Sprintf("%q", oddMerchant))},
	{name: "no amount", event: with("amount", "")},
	{name: "amount as text, with zeros", event: with("amount", `"0012.50"`, "currency", `"EUR"`)},
	{name: "amount 0.001 KWD", event: with("amount", "0.001", "currency", `"KWD"`)},
	{name: "amount of 10 digits", event: with("amount", "9999999999")},
	{name: "user and password in a URL", event: with("return_url", `{"webhook_url":"https://user:pass@shop.example/hook"}`)},
	{name: "IDN host", event: with("return_url", `{"success_url":"https://例え.テスト/戻る?a=1#b"}`)},
	{name: "email outside ASCII", event: with("merchant_email", `"用户@例子.example"`)},
	{name: "odd addresses", event: with("billing_address", `{"country":"JP","city":"東京\n\u0000","unknown":[1,{"a":null}],"phone_number":"☎"}`)},
	{name: "extra", event: with("extra", `{"a":[1e400,-0,1.0,12345678901234567890],"\u0000":{"b":"\ud83c\udf8e"}}`)},
	{name: "metadata of 50 entries", event: with("metadata", manyKeys(50))},
	{name: "odd metadata", event: with("metadata", `{"":"","a\u0000\n":"\u202e\u001b","<b>":"<script>"}`)},
	{name: "expires_at with offset and fraction", event: with("expires_at", `"2099-01-31T23:59:59.123456789+14:00"`)},
	{name: "32 levels", event: with("extra", strings.Repeat(`{"a":`, 30)+"{}"+strings.Repeat("}", 30))},
	{name: "as large as may be", event: with("extra", `{"a":"`+strings.Repeat("x", 65536-len(with("merchant_txn_ref", `"row 19"`, "extra", `{"a":""}`)))+`"}`)},
}

// oddRefs get a link each.
var oddRefs = []string{
	"a b", "a  b", "a/b", "/", "//", "..", ".", "a/../b", "{hpp}:results", "{}", "a:b", ":", "%", "%2F", "a%b", `\`, `a\b`, "?a=b&c", "#", "+", "*", "-x", "--json", "~", "a;b",
	"'\"`<>", "$(id)", "🎎👩‍👩‍👧", "日本語", "שלום", "\u202eRTL\u202c", "a\u200fb", "a\u200bb", "\u200b", "e\u0301", "é", "a\u2028b", "null", "0", "replay", "batch",
	strings.Repeat("界", 45), strings.Repeat("🎎", 45), strings.Repeat("x", 45), "a\ufffd", "a\ufeffb",
}

func manyKeys(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"k%02d":""`, i)
	}
	return "{" + strings.Join(all, ",") + "}"
}
