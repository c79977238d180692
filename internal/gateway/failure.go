package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

var errTooLarge = errors.New("the answer is too large")

// reason is why there was no response. The words are ours: errors of net/http
// quote addresses and whatever the other side said.
type reason struct {
	code, message string
	lasting       bool // no call can succeed until somebody changes something
}

// failure classifies a call that got no response. Once a byte was written,
// whatever went wrong afterwards, a link may exist.
func (w *wire) failure(ctx context.Context, err error) Answer {
	r := w.reason(ctx, err)
	a := Answer{Outcome: Unavailable, Code: r.code, Message: r.message, Asked: w.asked()}
	switch {
	case a.Asked:
		a.Outcome = Uncertain
	case r.lasting:
		a.Outcome = Misconfigured
	}
	return a
}

func (w *wire) reason(ctx context.Context, err error) reason {
	if r, ok := setupReason(err); ok {
		return r
	}
	if r, ok := timeReason(ctx, err, w.asked()); ok {
		return r
	}
	if r, ok := networkReason(err); ok {
		return r
	}
	if w.handshakeError() != nil || errors.Is(err, http.ErrSchemeMismatch) {
		return reason{"tls", "no trusted TLS connection to the gateway; check its certificate and address", true}
	}
	return reason{code: "connection_failed", message: "the connection to the gateway failed"}
}

// setupReason finds what stands between us and the gateway's address.
func setupReason(err error) (reason, bool) {
	if proxy, ok := errors.AsType[*proxyError](err); ok {
		return reason{"proxy", proxy.Error(), proxy.status/100 == 4}, true
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return reason{}, false
	case dns.IsTimeout:
		return reason{code: "dns_timeout", message: "looking up the gateway's host took too long"}, true
	default:
		return reason{"dns", "the gateway's host cannot be resolved; check the gateway URL", true}, true
	}
}

func timeReason(ctx context.Context, err error, asked bool) (reason, bool) {
	netErr, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return reason{code: "cancelled", message: "the call was cancelled"}, true
	case ctx.Err() == nil && !(ok && netErr.Timeout()):
		return reason{}, false
	case asked:
		return reason{code: "timeout", message: "the gateway did not answer in time"}, true
	default:
		return reason{code: "dial_timeout", message: "no connection to the gateway in time"}, true
	}
}

func networkReason(err error) (reason, bool) {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return reason{code: "connection_refused", message: "the gateway refused the connection"}, true
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return reason{code: "unreachable", message: "there is no route to the gateway"}, true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return reason{code: "connection_reset", message: "the gateway reset the connection"}, true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return reason{code: "connection_closed", message: "the gateway closed the connection without an answer"}, true
	}
	return reason{}, false
}

// unread names why the body of a 2xx could not be had.
func unread(ctx context.Context, err error) (code, message string) {
	if r, ok := timeReason(ctx, err, true); ok {
		return r.code, r.message
	}
	if errors.Is(err, errTooLarge) {
		return "unreadable", "the gateway's answer is larger than 256 KiB"
	}
	return "unreadable", "the gateway's answer broke off or is damaged"
}
