package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hpplink/hpplink/internal/order"
)

// location is the path of an order. Everything but letters, digits, '.', '_' and '-' is percent-encoded, and refs that are dots
// too, which clients would take for folders.
func location(key order.Key) string {
	return "/v1/orders/" + segment(key.MerchantID) + "/" + segment(key.Ref)
}

func segment(s string) string {
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return order.Key{Ref: s}.String()[len(":"):]
}

// loneSlash stands for a path segment that is nothing but "%2F", which http.ServeMux takes for the end of a path. No merchant or
// ref holds it.
const loneSlash = "\x00"

// route finds the handler of a request. pattern is "" where there is none.
func (a *API) route(r *http.Request) (h http.Handler, pattern string) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	replaced := false
	for i, s := range segments {
		if strings.EqualFold(s, "%2F") {
			segments[i], replaced = url.PathEscape(loneSlash), true
		}
	}
	if replaced {
		raw := strings.Join(segments, "/")
		u := *r.URL
		u.Path, _ = url.PathUnescape(raw) // it came from a valid one
		u.RawPath, r.URL = raw, &u
	}
	return a.mux.Handler(r)
}

// OrderPath names an order.
type OrderPath struct {
	MerchantID string `path:"merchant_id" doc:"The order's merchant_id, percent-encoded"`
	Ref        string `path:"ref" doc:"The order's merchant_txn_ref, percent-encoded: a slash in it is %2F"`
}

func (p OrderPath) key() order.Key {
	whole := func(s string) string {
		if s == loneSlash {
			return "/"
		}
		return s
	}
	return order.Key{MerchantID: whole(p.MerchantID), Ref: whole(p.Ref)}
}
