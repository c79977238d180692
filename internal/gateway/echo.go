package gateway

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// echo is what a 2xx says about the link. All is raw, because the gateway
// sends numbers as strings, strings as numbers, null and "" as it likes.
type echo struct{ id, url, ref, merchantID, amount, currency jsontext.Value }

// member returns where to put a value, nil for what we do not look at.
func (e *echo) member(name string) *jsontext.Value {
	switch name {
	case "id":
		return &e.id
	case "url":
		return &e.url
	case "merchant_txn_ref":
		return &e.ref
	case "merchant_id":
		return &e.merchantID
	case "amount":
		return &e.amount
	case "currency":
		return &e.currency
	}
	return nil
}

// reader is a decoder that reads bytes where they are. Decoders are kept: the
// larger part of what an answer costs is to make one, with its tables of names.
type reader struct {
	in  bytes.Buffer
	dec *jsontext.Decoder
}

var readers = sync.Pool{New: func() any { return &reader{dec: jsontext.NewDecoder(new(bytes.Buffer))} }}

func (r *reader) reset(content []byte) {
	r.in = *bytes.NewBuffer(content)
	r.dec.Reset(&r.in, jsontext.AllowInvalidUTF8(true))
}

// readEcho takes one object, or null, with any other members and text in any
// charset, but no name twice: nobody knows which of two urls is meant. The values
// are parts of content.
func readEcho(content []byte) (got echo, ok bool) {
	r := readers.Get().(*reader)
	r.reset(content)
	defer func() {
		r.reset(nil) // lets go of the content
		readers.Put(r)
	}()
	begin, err := r.dec.ReadToken()
	switch kind := begin.Kind(); {
	case err != nil || kind != '{' && kind != 'n':
		return echo{}, false
	case kind == '{' && !got.read(r.dec):
		return echo{}, false
	}
	_, err = r.dec.ReadToken()
	return got, err == io.EOF
}

// read takes an object's members and its end.
func (e *echo) read(dec *jsontext.Decoder) bool {
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return false
		}
		into := e.member(name.String())
		value, err := dec.ReadValue()
		if err != nil {
			return false
		}
		if into != nil {
			*into = value
		}
	}
	_, err := dec.ReadToken()
	return err == nil
}

var byteOrderMark = []byte("\ufeff")

// check fills in the link if the answer is whole and about our order. If not,
// the answer is uncertain: the gateway did mint something.
func (e *exchange) check(a *Answer, content []byte) {
	got, ok := readEcho(bytes.TrimPrefix(content, byteOrderMark))
	if !ok {
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
	if l.ID = plainText(got.id); !printable(l.ID) || len(l.ID) > 128 {
		return Link{}, "missing_id", "the gateway's answer has no usable link id"
	}
	if l.URL = plainText(got.url); l.URL == "" {
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
	switch {
	case !agrees(got.ref, o.Ref, equal):
		return mismatched("ref")
	case !agrees(got.merchantID, o.MerchantID, equal):
		return mismatched("merchant")
	case !agrees(got.amount, e.amount, sameAmount):
		return mismatched("amount")
	case !agrees(got.currency, o.Currency, strings.EqualFold):
		return mismatched("currency")
	}
	return "", ""
}

func mismatched(name string) (code, message string) {
	return "mismatch_" + name, "the " + name + " in the gateway's answer is not the order's"
}

// agrees reports whether what is echoed is nothing, or the same as was sent.
func agrees(echoed jsontext.Value, sent string, same func(echoed, sent string) bool) bool {
	text, ok := scalar(echoed)
	return ok && (text == "" || same(text, sent))
}

func equal(a, b string) bool { return a == b }

// scalar returns a string's content or a number's literal; "" when the value is
// absent, null or "". It is false for what is neither.
func scalar(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case jsontext.KindInvalid, 'n':
		return "", true
	case '"':
		var short [128]byte // holds most, and so spares an allocation
		text, err := jsontext.AppendUnquote(short[:0], v)
		return string(text), err == nil || len(text) > 0
	case '0':
		return string(v), true
	default:
		return "", false
	}
}
