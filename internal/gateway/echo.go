package gateway

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// echo is what a 2xx says about the link. All is raw, because the gateway
// sends numbers as strings, strings as numbers, null and "" as it likes.
type echo struct {
	ID         jsontext.Value `json:"id"`
	URL        jsontext.Value `json:"url"`
	Ref        jsontext.Value `json:"merchant_txn_ref"`
	MerchantID jsontext.Value `json:"merchant_id"`
	Amount     jsontext.Value `json:"amount"`
	Currency   jsontext.Value `json:"currency"`
}

var byteOrderMark = []byte("\ufeff")

// check fills in the link if the answer is whole and about our order. If not,
// the answer is uncertain: the gateway did mint something.
func (e *exchange) check(a *Answer, content []byte) {
	var got echo
	err := json.Unmarshal(bytes.TrimPrefix(content, byteOrderMark), &got, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		a.Outcome, a.Code, a.Message = Uncertain, "unreadable", "the gateway's answer is not a JSON object"
		return
	}
	link, code, message := e.link(got)
	if code == "" {
		code, message = e.mismatch(got)
	}
	if code == "" {
		a.Link = link
		return
	}
	a.Outcome, a.Code, a.Message = Uncertain, code, message
	if said := e.clean(dig(content)); said != "" && link.ID == "" {
		a.Message = said
	}
	if link.ID != "" { // by which the link can be found at the gateway
		a.Message = e.clean("link id " + link.ID + ": " + message)
	}
}

// link returns the link, as far as it is there, and what is wrong with it.
func (e *exchange) link(got echo) (l Link, code, message string) {
	if l.ID = plainText(got.ID); !printable(l.ID) || len(l.ID) > 128 {
		return Link{}, "missing_id", "the gateway's answer has no usable link id"
	}
	if l.URL = plainText(got.URL); l.URL == "" {
		return l, "missing_url", "the gateway's answer has no url"
	}
	u, err := url.Parse(l.URL)
	if err != nil || !printable(l.URL) || len(l.URL) > 2048 {
		return l, "link_url", "the link in the gateway's answer is not a usable URL"
	}
	if err := e.profile.AllowsLink(u); err != nil { // it names the host only
		return l, "link_host", "the gateway's " + err.Error()
	}
	return l, "", ""
}

// plainText returns a JSON string's content, "" for anything else.
func plainText(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	text, _ := scalar(v)
	return text
}

// mismatch names the first echoed field that contradicts the order.
func (e *exchange) mismatch(got echo) (code, message string) {
	o := e.order
	for _, field := range []struct {
		name   string
		echoed jsontext.Value
		same   func(string) bool
	}{
		{"ref", got.Ref, func(s string) bool { return s == o.Ref }},
		{"merchant", got.MerchantID, func(s string) bool { return s == o.MerchantID }},
		{"amount", got.Amount, func(s string) bool { return sameAmount(s, e.amount) }},
		{"currency", got.Currency, func(s string) bool { return strings.EqualFold(s, o.Currency) }},
	} {
		text, ok := scalar(field.echoed)
		if ok && (text == "" || field.same(text)) {
			continue
		}
		return "mismatch_" + field.name, "the " + field.name + " in the gateway's answer is not the order's"
	}
	return "", ""
}

// scalar returns a string's content or a number's literal; "" when the value is
// absent, null or "". It is false for what is neither.
func scalar(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case jsontext.KindInvalid, 'n':
		return "", true
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		return string(text), err == nil || len(text) > 0
	case '0':
		return string(v), true
	default:
		return "", false
	}
}
