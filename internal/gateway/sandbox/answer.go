package sandbox

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// reply answers with JSON.
func (x *exchange) reply(status int, body []byte) {
	x.status = status
	writeJSON(x.w, status, body)
}

// writeJSON ignores errors of writing: the client has gone, and the journal says
// what it would have got.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if status == http.StatusNoContent || status == http.StatusNotModified || status == http.StatusResetContent {
		w.Header().Del("Content-Length")
		w.WriteHeader(status)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// success is the documented answer: the link, and the order without payment_method.
func (x *exchange) success() []byte {
	return answerBody(x.order, x.link, x.base()+pagePath+x.link.code)
}

// base is the start of the links minted for this request.
func (x *exchange) base() string { return x.s.base(x.r) }

func (s *Server) base(r *http.Request) string {
	switch {
	case s.options.PublicURL != "":
		return s.options.PublicURL
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func answerBody(o *orderRequest, l link, url string) []byte {
	size := len(o.ReturnURL) + len(o.BillingAddress) + len(o.ShippingAddress) + len(url) + len(o.MerchantID) + 384
	b := make([]byte, 0, size)
	b = append(b, `{"id":"`...)
	b = append(b, l.id.String()...)
	b = appendText(append(b, '"'), "url", url)
	switch {
	case o.amount != "":
		b = appendRaw(b, "amount", jsontext.Value(o.amount))
	case len(o.Amount) > 0:
		b = appendRaw(b, "amount", o.Amount) // null or ""
	}
	b = appendText(b, "currency", o.Currency)
	if o.Ref != "" {
		b = appendText(b, "merchant_txn_ref", o.Ref)
	}
	b = appendText(b, "merchant_id", o.MerchantID)
	b = appendText(b, "merchant_email", o.MerchantEmail)
	b = appendRaw(b, "return_url", o.ReturnURL)
	b = appendRaw(b, "billing_address", o.BillingAddress)
	if len(o.ShippingAddress) > 0 {
		b = appendRaw(b, "shipping_address", o.ShippingAddress)
	}
	return append(b, '}')
}

func appendText(b []byte, name, value string) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	b, _ = jsontext.AppendQuote(b, value) // its only error, bad UTF-8, is replaced
	return b
}

func appendRaw(b []byte, name string, value jsontext.Value) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return append(b, value...)
}

// refuse answers a request that is wrong: 400 if something is missing or it is
// no JSON, 406 if its form is wrong, listing everything.
func (x *exchange) refuse(problems []problem) {
	status := problems[0].status
	body := []byte(`{"success":false,"failure_information":[`)
	for i, p := range problems {
		if p.status == http.StatusBadRequest {
			status = p.status
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"errorcode":"`...)
		body = strconv.AppendInt(body, int64(p.status), 10)
		body = append(appendText(append(body, '"'), "errormessage", p.message), '}')
	}
	x.reply(status, append(body, "]}"...))
}

// fail answers in one of the shapes of error bodies seen around the gateway,
// drawn by chance.
func (x *exchange) fail(status int, message string) {
	x.reply(status, errorBodies[x.chance.family%uint64(len(errorBodies))](status, message))
}

var errorBodies = []func(status int, message string) []byte{
	statusBody,
	func(status int, message string) []byte {
		n := strconv.Itoa(status)
		b := appendText([]byte(`{"success":false,"status_code":`+n+`,"gateway_response":{"type":"error"`), "message", message)
		return append(b, `,"code":"`+n+`"}}`...)
	},
	func(status int, message string) []byte {
		b := appendText([]byte(`{"success":false,"failure_information":[{"errorcode":"`+strconv.Itoa(status)+`"`), "errormessage", message)
		return append(b, "}]}"...)
	},
	func(_ int, message string) []byte { return soleMember("error_message", message) },
	func(_ int, message string) []byte { return soleMember("error", message) },
}

func statusBody(status int, message string) []byte {
	n := strconv.Itoa(status)
	b := appendText([]byte(`{"statusCode":`+n), "message", message)
	return append(b, `,"messageCode":"E`+n+`","success":false,"data":null}`...)
}

func statusMessage(status int) []byte { return statusBody(status, statusText(status)) }

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Status " + strconv.Itoa(status)
}

func soleMember(name, message string) []byte {
	b := appendText(nil, name, message)
	return []byte("{" + strings.TrimPrefix(string(b), ",") + "}")
}
