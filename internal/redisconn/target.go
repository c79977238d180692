package redisconn

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	dialTimeout = 3 * time.Second
	// poolSize is a cap, not a reservation. A worker may have some hundred calls in flight, but each is in Redis
	// for a millisecond only.
	poolSize = 64
)

// target is one Redis to make clients of.
type target struct{ *place }

// place is where a Redis is, and how to talk to it.
type place struct {
	kind    kind
	options redis.Options // of each connection
	addr    string        // for people to read, without credentials
	hosts   []string      // of Sentinels, or of some nodes of a cluster, as host:port

	master                         string // by the name that Sentinels know it by
	sentinelUser, sentinelPassword string
	sentinels                      *sentinels // once Open has found them
}

func (t target) newClient() redis.UniversalClient {
	switch t.kind {
	case sentinel:
		return t.newSentinelClient()
	case cluster:
		return t.newClusterClient()
	}
	options := t.options // go-redis writes its defaults into what it is given
	return redis.NewClient(&options)
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
