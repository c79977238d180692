package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Knock is what came of a request from which no link can come.
type Knock struct {
	Answer
	TLS   *tls.ConnectionState // of the answer; nil where there was none, or no TLS
	Cause error                // why there was no answer, with what nobody but a program should see
}

// nothing is an order that lacks every field which the gateway's documentation, page hpp/generate-link, says is required.
const nothing = "{}"

// Knock sends an empty order with the merchant's keys, so that the gateway tells whether it lets them in: Rejected is
// likely if it does. Gateways that look at the order first say nothing of the keys by that. It takes no longer than
// Generate would.
func (c *Client) Knock(ctx context.Context, p merchant.Profile) Knock {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, merchant.DefaultTimeout))
	defer cancel()
	e := exchange{profile: p, order: &order.Order{}}
	header, problem := e.header()
	if problem != nil {
		return Knock{Answer: *problem}
	}
	blank, err := c.endpoints.find(p.GatewayURL)
	if err != nil {
		return Knock{Answer: *noProfile("the gateway URL cannot be used; correct it"), Cause: err}
	}
	w := new(wire)
	req := blank.WithContext(w.watch(ctx))
	req.Header = header
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader([]byte(nothing))), int64(len(nothing))
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return Knock{Answer: w.failure(ctx, err), Cause: cmp.Or(w.handshakeError(), err)}
	}
	defer res.Body.Close()
	return Knock{Answer: e.answer(ctx, res), TLS: res.TLS}
}

// Proxy returns the egress proxy that calls of a gateway go through, as the environment has it, or nil for none. The error
// says that the environment names one that can not be read: then calls go without, and nobody says so.
func Proxy(gateway *url.URL) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(&http.Request{URL: gateway})
	if err != nil || u != nil {
		return u, err
	}
	name := strings.ToUpper(gateway.Scheme) + "_PROXY"
	proxy := cmp.Or(os.Getenv(name), os.Getenv(strings.ToLower(name)))
	if _, err := url.Parse(proxy); err == nil {
		return nil, nil
	}
	if _, err := url.Parse("http://" + proxy); err == nil {
		return nil, nil
	}
	return nil, errors.New(name + " is no URL") // and may hold a password
}
