package sheet

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// kind is what the event wants in a field.
type kind byte

const (
	text    kind = iota // as it is
	amount              // decimal text
	boolean             // true or false
	whole               // the cell is an order event
)

// field is one that a column can fill.
type field struct {
	name  string // with dots
	kind  kind
	names string // what headers call it besides its name, by bars, in any case, spaces and punctuation left out
}

// A JSONL file's only column, also where it was written into a table. Its field is the event itself.
const (
	eventHeader = "order_event"
	eventField  = "order_event"
)

const refField = "merchant_txn_ref"

// fields are all there are but for metadata and extra, whose members have any name. A name
// under two fields is ambiguous, and so refused. The plain names of an address are the
// billing address's, as an invoice has that.
var fields = []field{
	{refField, text, "ref|reference|reference no|reference number|order|order id|order no|order number|order ref|order reference|" +
		"invoice|invoice id|invoice no|invoice number|invoice ref|transaction ref|transaction reference|txn ref|" +
		"注文番号|注文ID|注文No|受注番号|オーダー番号|オーダーID|請求番号|請求書番号|請求No|伝票番号|取引番号|取引ID|参照番号|管理番号"},
	{"merchant_id", text, "merchant|merchant no|merchant number|das mid|mid|shop id|store id|加盟店ID|加盟店番号|店舗ID|ショップID|マーチャントID"},
	{"amount", amount, "total|total amount|amount due|invoice amount|invoice total|order amount|order total|grand total|price|sum|" +
		"金額|請求金額|請求額|合計|合計金額|支払金額|お支払金額|決済金額|税込金額|税込合計|総額"},
	{"currency", text, "currency code|ccy|cur|通貨|通貨コード|通貨単位"},
	{"merchant_email", text, "shop email|store email|加盟店メール|加盟店メールアドレス|店舗メールアドレス"},
	{"return_url.webhook_url", text, "webhook|webhook url|notification url"},
	{"return_url.success_url", text, "success url|return url"},
	{"return_url.decline_url", text, "decline url|declined url|failure url"},
	{"return_url.cancel_url", text, "cancel url|canceled url|cancelled url"},
	{"payment_method.type", text, "payment method|payment type|支払方法|支払い方法|決済方法"},
	{"payment_method.store_payment_method", boolean, "store payment method|save card|store card|カード保存|カード情報保存"},
	{"billing_address.country", text, "country|country code|billing country|bill to country|国|国名|国コード|請求先国"},
	{"billing_address.email", text, "billing email|bill to email|email|e-mail address|メール|メールアドレス|Eメール|請求先メール|請求先メールアドレス"},
	{"billing_address.phone_number", text, "phone|phone no|phone number|telephone|telephone number|tel|mobile|billing phone|billing phone number|電話|電話番号|請求先電話番号|携帯電話|携帯番号"},
	{"billing_address.address1", text, "address|address 1|address line 1|street|street address|billing address|billing address 1|billing street|住所|住所1|請求先住所|番地"},
	{"billing_address.city", text, "city|town|billing city|bill to city|市区町村|市町村|請求先市区町村"},
	{"billing_address.state", text, "state|province|region|prefecture|billing state|都道府県|請求先都道府県"},
	{"billing_address.postal_code", text, "postal code|postcode|zip|zip code|post code|billing postal code|billing zip|郵便番号|請求先郵便番号"},
	{"shipping_address.country", text, "shipping country|ship to country|delivery country|配送先国|お届け先国"},
	{"shipping_address.email", text, "shipping email|ship to email|配送先メールアドレス"},
	{"shipping_address.phone_number", text, "shipping phone|shipping phone number|ship to phone|配送先電話番号|お届け先電話番号"},
	{"shipping_address.address1", text, "shipping address|shipping address 1|shipping street|ship to address|delivery address|配送先住所|お届け先住所|送付先住所"},
	{"shipping_address.city", text, "shipping city|ship to city|配送先市区町村"},
	{"shipping_address.state", text, "shipping state|ship to state|配送先都道府県"},
	{"shipping_address.postal_code", text, "shipping postal code|shipping postcode|shipping zip|ship to zip|配送先郵便番号|お届け先郵便番号"},
	{"customer_ip", text, "ip|ip address|customer ip address|IPアドレス"},
	{"time_zone", text, "time zone|タイムゾーン"},
	{"delivery.email.to", text, "customer email|customer's email|customer e-mail address|customer's e-mail address|recipient email|client email|buyer email|email to|send to|email|e-mail address|" +
		"メール|メールアドレス|Eメール|顧客メール|顧客メールアドレス|お客様メールアドレス|送信先メールアドレス|宛先メールアドレス"},
	{"delivery.email.name", text, "customer name|customer|client name|recipient|recipient name|buyer name|顧客名|お客様名|氏名|お名前|宛名|受取人名"},
	{"delivery.email.locale", text, "locale|language|email language|言語|ロケール"},
	{"expires_at", text, "expires"},
	{eventField, whole, ""},
}

// anyMembers are the objects whose members have any name, all texts.
var anyMembers = []string{"metadata.", "extra."}

// fieldNamed finds a field by its name with dots, such as "metadata.cart" too.
func fieldNamed(name string) (field, bool) {
	for _, prefix := range anyMembers {
		if len(name) > len(prefix) && strings.HasPrefix(name, prefix) {
			return field{name: name}, true
		}
	}
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// path splits a field's name into the members that lead to it.
func (f field) path() []string {
	for _, prefix := range anyMembers {
		if key, ok := strings.CutPrefix(f.name, prefix); ok {
			return []string{strings.TrimSuffix(prefix, "."), key}
		}
	}
	return strings.Split(f.name, ".")
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// pointer returns the field's JSON pointer.
func (f field) pointer() string {
	var b strings.Builder
	for _, name := range f.path() {
		b.WriteString("/" + pointerEscapes.Replace(name))
	}
	return b.String()
}

// loose is what of a header counts: letters and digits, in small, full-width ones made plain.
func loose(header string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, norm.NFKC.String(header))
}

// known are the fields by each of their loose names.
var known = func() map[string][]field {
	all := make(map[string][]field)
	for _, f := range fields {
		names := []string{f.name}
		if f.names != "" {
			names = append(names, strings.Split(f.names, "|")...)
		}
		seen := make(map[string]bool)
		for _, name := range names {
			if n := loose(name); !seen[n] {
				seen[n] = true
				all[n] = append(all[n], f)
			}
		}
	}
	return all
}()
