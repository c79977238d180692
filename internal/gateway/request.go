package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// request builds the POST, or says why there is none to send.
func (e *exchange) request(ctx context.Context, to *endpoints) (*http.Request, *Answer) {
	header, problem := e.header()
	if problem != nil {
		return nil, problem
	}
	content, problem := e.content()
	if problem != nil {
		return nil, problem
	}
	blank, err := to.find(e.profile.GatewayURL)
	if err != nil {
		return nil, noProfile("the gateway URL cannot be used; correct it")
	}
	req := blank.WithContext(ctx)
	req.Header = header
	// The transport knows this kind of reader, and so writes header and body at once.
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	// Without GetBody the transport cannot send the body again. With it, it
	// does so by itself: on HTTP/2 after REFUSED_STREAM, GOAWAY and
	// PROTOCOL_ERROR, when the first POST is on the wire already.
	req.GetBody = nil
	return req, nil
}

func noProfile(message string) *Answer {
	a := refused(Misconfigured, "no_profile", message)
	return &a
}

func (e *exchange) header() (http.Header, *Answer) {
	u := e.profile.GatewayURL
	if u == nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, noProfile("the merchant has no usable gateway URL; set one that begins with https://")
	}
	key, xKey := e.profile.APIKey.Reveal(), e.profile.XAPIKey.Reveal()
	if !printable(key) || !printable(xKey) {
		return nil, noProfile("the merchant's API keys are missing or hold blanks or line ends; correct them")
	}
	keys := [...]string{"Basic " + key, xKey}
	return http.Header{
		"Authorization": keys[0:1:1],
		"X-Api-Key":     keys[1:2:2],
		"Content-Type":  isJSON,
		"Accept":        isJSON,
		"User-Agent":    isUs,
	}, nil
}

// Values that are the same in all requests, which share them: the transport only reads.
var isJSON, isUs = []string{"application/json"}, []string{"hpplink"}

func (e *exchange) content() ([]byte, *Answer) {
	o := e.order
	amount, err := wireAmount(o.Amount, o.Currency, e.profile.AmountUnit)
	if err != nil {
		a := refused(Rejected, "amount", err.Error())
		return nil, &a
	}
	e.amount = string(amount)
	content, ok := write(o, amount)
	if !ok { // no more is said, since that may quote the order
		a := refused(Rejected, "unencodable", "the order cannot be written as JSON: a value is not valid JSON, or extra names a field of the order")
		return nil, &a
	}
	return content, nil
}

// printable reports whether s is non-empty and all visible ASCII.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
