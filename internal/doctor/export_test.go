package doctor

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/hpplink/hpplink/internal/redisconn"
)

// Told judges what a server tells of itself by INFO, and by CONFIG.
func Told(info string, config map[string]string) []Finding {
	n := node{name: "Redis", info: map[string]string{}, config: config}
	n.read(info)
	all := append(persistence(redisconn.Report{AppendOnly: true, AppendOnlyKnown: true}, config), n.disk()...)
	return append(append(append(all, n.replicas()...), n.clients()...), n.busy()...)
}

// Shut judges why Redis did not answer.
func Shut(reason string) []Finding {
	return Redis{URL: "redis://127.0.0.1:6379"}.shut(&redisconn.UnreachableError{Addr: "a:1", Reason: reason})
}

// Judged judges what Redis said to a rehearsed command, "" for nothing.
func Judged(said string) []Finding {
	r := rehearsal{name: "xadd"}
	if said != "" {
		r.err = errors.New(said)
	}
	return Redis{Namespace: "hpp"}.judged([]rehearsal{r})
}

// Expiry judges a connection's certificates.
func Expiry(state *tls.ConnectionState, now time.Time) []Finding {
	return about(redisGroup, "certificate").expiry("it", state, now)
}

// Clocks judges a skew that is known to some accuracy.
func Clocks(skew, sure time.Duration) Finding { return clocks(skew, sure) }

// Plausible reports whether emails can come from a domain.
var Plausible = plausible
