package redisconn

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	embeddedURL = "embedded"
	dialTimeout = 3 * time.Second
	// poolSize is a cap, not a reservation. A worker may have some hundred calls in flight, but each is in Redis
	// for a millisecond only.
	poolSize = 64
)

// target is one Redis to make clients of. Sentinel and Cluster will be further kinds of it.
type target struct {
	options redis.Options
	addr    string
}

func (t target) newClient() redis.UniversalClient {
	options := t.options // go-redis writes its defaults into what it is given
	return redis.NewClient(&options)
}

func parse(rawURL string) (target, error) {
	scheme, _, ok := strings.Cut(rawURL, "://")
	if !ok {
		return target{}, &URLError{"has no scheme"}
	}
	switch scheme {
	case "redis", "rediss":
		return parseServer(rawURL)
	case "redis+sentinel", "redis+cluster":
		return target{}, &URLError{scheme + ":// is not supported yet in this version: use redis://"}
	}
	return target{}, &URLError{"has an unknown scheme"}
}

func parseServer(rawURL string) (target, error) {
	u, err := url.Parse(rawURL)
	if err != nil { // not wrapped: it quotes the URL, and with it the password
		return target{}, &URLError{"is malformed (a password must be percent-encoded: / is %2F, # is %23, ? is %3F, @ is %40)"}
	}
	if u.Fragment != "" || strings.Contains(u.RawQuery, "@") {
		return target{}, &URLError{"has a # or ? before the host (in a password write %23 or %3F)"}
	}
	options, err := redis.ParseURL(rawURL)
	if err != nil {
		return target{}, &URLError{problem(err)}
	}
	tune(options)
	return target{options: *options, addr: options.Addr}, nil
}

// problem says what is wrong without the words of go-redis, which quote parts of the URL.
func problem(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "database number"), strings.Contains(text, "URL path"):
		return "has a path that is not a database number such as /0"
	case strings.Contains(text, "unexpected option"):
		return "has an unknown option after the question mark"
	}
	return "has an option with an unreadable value after the question mark"
}

// tune sets what the URL leaves open.
func tune(o *redis.Options) {
	if o.PoolSize == 0 {
		o.PoolSize = max(poolSize, 10*runtime.GOMAXPROCS(0))
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = dialTimeout
	}
	o.DialerRetries = 1 // commands are retried already; five dials within each retry would make minutes of an outage
	o.ContextTimeoutEnabled = true
	o.Dialer = dialer(o.DialTimeout, o.TLSConfig)
	// One round trip fewer per connection; what they are for (names in CLIENT LIST, upgrades of one vendor's
	// managed service) is of no use here.
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// dialer differs from that of go-redis in that a TLS handshake, too, ends with its context.
func dialer(timeout time.Duration, config *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}
	if config == nil {
		return plain.DialContext
	}
	secure := &tls.Dialer{NetDialer: plain, Config: config}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return secure.DialContext(ctx, network, addr)
	}
}
