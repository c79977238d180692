package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const connectTimeout = 5 * time.Second

// newTransport returns a transport that keeps up to n connections to a host.
// There is no time-out for response headers: the call's deadline ends all.
func newTransport(n int) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Transport{
		// Merchants put egress proxies in front of their workers.
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxyAnswered,
		DialContext:            counted(dialer.DialContext),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		MaxConnsPerHost:        n,
		MaxIdleConnsPerHost:    n,
		// Below what load balancers usually keep (60 s and more), so that it
		// is rather us than them who close, and no request meets a closing.
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		// Without pings a dead HTTP/2 connection is used on and on: a
		// time-out there ends its stream only.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: connectTimeout},
	}
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func counted(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn}, nil
	}
}

// proxyError is an egress proxy's refusal to connect us to the gateway.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the egress proxy answered %d", e.status)
}

func proxyAnswered(_ context.Context, _ *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return &proxyError{status: res.StatusCode}
	}
	return nil
}
