package gateway

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// MaxBody is the bound of an answer.
const MaxBody = maxBody

// Trust makes the client accept certificates of these authorities only.
func (c *Client) Trust(roots *x509.CertPool) { c.transport.TLSClientConfig.RootCAs = roots }

// DialWith replaces how connections are made, beneath the counting of bytes.
func (c *Client) DialWith(dial func(context.Context, string, string) (net.Conn, error)) {
	c.transport.DialContext = counted(dial)
}

// Via puts an egress proxy in front; loopback addresses never get one otherwise.
func (c *Client) Via(proxy *url.URL) { c.transport.Proxy = http.ProxyURL(proxy) }

// Read classifies a response as Generate would after sending the order.
func Read(p merchant.Profile, o *order.Order, res *http.Response) Answer {
	e := exchange{profile: p, order: o, amount: o.Amount}
	return e.answer(context.Background(), res)
}

// Prepare makes the order's request as Generate does, up to sending it.
func (c *Client) Prepare(p merchant.Profile, o *order.Order) (*http.Request, *Answer) {
	e := exchange{profile: p, order: o}
	return e.request(context.Background(), &c.endpoints)
}

// Write makes the body of an order's request.
var Write = write

// ReadEcho takes what is looked at of an answer: id, url, ref, merchant, amount, currency.
func ReadEcho(content []byte) ([6]jsontext.Value, bool) {
	e, ok := readEcho(content)
	return [...]jsontext.Value{e.id, e.url, e.ref, e.merchantID, e.amount, e.currency}, ok
}
