// Package gateway calls PaymentOptions' endpoint that generates a link to a
// hosted payment page, once per call, and classifies every way in which that
// can end. It knows HTTP and the shapes of the gateway's answers. It does not
// know the queue or the ledger, and it decides nothing: whether and when to
// call again is its caller's business.
package gateway

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

const (
	defaultConcurrency = 50

	// maxBody bounds an answer after decompression. A real one has some 2 KiB.
	maxBody = 256 << 10
)

// Options sets up a Client.
type Options struct {
	// Concurrency is how many calls may run at once, and so how many
	// connections are opened to a host and kept. Default 50.
	Concurrency int
}

// Client calls the gateway. It is safe for concurrent use; make one and keep
// it, since it holds the connections.
type Client struct {
	transport *http.Transport
	endpoints endpoints
}

// New returns a client that has not connected to anything yet.
func New(opts Options) *Client {
	if opts.Concurrency <= 0 {
		opts.Concurrency = defaultConcurrency
	}
	return &Client{transport: newTransport(opts.Concurrency)}
}

// CloseIdle closes the connections that no call is using.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// Generate asks the gateway for the order's link, with at most one POST on the
// wire. It takes no longer than the profile's time-out (or its default)
// or ctx, whichever ends first. Every failure is an Answer.
func (c *Client) Generate(ctx context.Context, p merchant.Profile, o *order.Order) Answer {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, merchant.DefaultTimeout))
	defer cancel()

	w := new(wire)
	e := exchange{profile: p, order: o}
	req, problem := e.request(w.watch(ctx), &c.endpoints)
	if problem != nil {
		return *problem
	}
	// The transport, not an http.Client: that would follow redirects.
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return w.failure(ctx, err)
	}
	defer res.Body.Close()
	return e.answer(ctx, res)
}

// exchange is one request and what is needed to check its answer.
type exchange struct {
	profile merchant.Profile
	order   *order.Order
	amount  string // as sent, in the profile's unit; "" when none was
}

// answer reads and classifies a response.
func (e *exchange) answer(ctx context.Context, res *http.Response) Answer {
	body, err := read(res)
	a := Answer{
		Outcome: outcomeOf(res),
		Code:    httpCode(res.StatusCode),
		Status:  res.StatusCode,
		Asked:   true,
	}
	a.RetryAfter, _ = retryAfter(res.Header, time.Now())
	switch {
	case a.Outcome != Issued:
		a.Message = e.explain(res, body)
	case err != nil:
		a.Outcome = Uncertain
		a.Code, a.Message = unread(ctx, err)
	default:
		e.check(&a, body)
	}
	if res.StatusCode/100 == 3 {
		a.Code = "redirect"
	}
	return a
}

// read returns the body, to its end so that the connection can be used again,
// unless it is too large. After an error it returns what came before it.
func read(res *http.Response) ([]byte, error) {
	if res.StatusCode < 200 {
		return nil, nil // 101: what follows is not a body, and might never end
	}
	body := bytes.NewBuffer(make([]byte, 0, room(res)))
	_, err := body.ReadFrom(io.LimitReader(res.Body, maxBody+1))
	if err == nil && body.Len() > maxBody {
		return body.Bytes()[:maxBody], errTooLarge
	}
	return body.Bytes(), err
}

// room is how large a buffer is made for an answer, so that it rarely has to
// grow. An answer that says it is large gets it only as it comes.
func room(res *http.Response) int64 {
	const usual, most = 4 << 10, 16 << 10
	if res.ContentLength < 0 {
		return usual
	}
	return min(res.ContentLength, most) + bytes.MinRead // which the buffer wants free, to see the end
}
