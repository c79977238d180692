package gateway

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"

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
