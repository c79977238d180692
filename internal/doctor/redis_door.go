package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"

	"github.com/redis/go-redis/v9"
)

// access says who else could get at Redis.
func access(client redis.UniversalClient, addr string) (all []Finding) {
	s := about(redisGroup, "access")
	if onThisMachine(addr) {
		return []Finding{s.fine("from this machine")}
	}
	config, secret := secured(client)
	if !secret {
		all = append(all, s.mend("set requirepass, or a user by ACL, and give it in the URL: redis://user:password@host",
			"Redis at %s asks for no password: who reaches it reads and changes all orders", addr))
	}
	switch {
	case config == nil:
		all = append(all, s.note("use rediss:// unless the network between is your own", "the way to Redis at %s is not encrypted", addr))
	case config.InsecureSkipVerify:
		all = append(all, s.mend("take skip_verify off the URL", "the certificate of Redis at %s is not looked at: who is in between reads all orders", addr))
	}
	if len(all) == 0 {
		all = append(all, s.fine("by password, encrypted"))
	}
	return all
}

// secured says how a client is let in, and by what TLS settings.
func secured(client redis.UniversalClient) (config *tls.Config, secret bool) {
	switch c := client.(type) {
	case *redis.Client:
		o := c.Options()
		return o.TLSConfig, o.Password != "" || o.CredentialsProvider != nil || o.CredentialsProviderContext != nil || o.StreamingCredentialsProvider != nil
	case *redis.ClusterClient:
		o := c.Options()
		return o.TLSConfig, o.Password != "" || o.CredentialsProvider != nil || o.CredentialsProviderContext != nil || o.StreamingCredentialsProvider != nil
	}
	return nil, false
}

// onThisMachine reports whether all hosts of an address are loopback.
func onThisMachine(addr string) bool {
	for part := range strings.SplitSeq(addr, ",") {
		host, _, err := net.SplitHostPort(strings.TrimSpace(part))
		if err != nil || !isLoopback(host) {
			return false
		}
	}
	return true
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// certificates looks at the certificates of Redis.
func (r Redis) certificates(ctx context.Context, client redis.UniversalClient) (all []Finding) {
	for _, c := range servers(ctx, client) {
		o := c.Options()
		if o.TLSConfig == nil || o.Dialer == nil {
			continue
		}
		conn, err := o.Dialer(ctx, o.Network, o.Addr)
		if err != nil {
			continue // the connection that all else goes by says why
		}
		if secure, ok := conn.(*tls.Conn); ok {
			state := secure.ConnectionState()
			all = append(all, about(redisGroup, "certificate").expiry("Redis at "+o.Addr, &state, r.Now())...)
		}
		conn.Close()
	}
	return all
}

// servers are clients of the single servers behind a client.
func servers(ctx context.Context, client redis.UniversalClient) []*redis.Client {
	switch c := client.(type) {
	case *redis.Client:
		return []*redis.Client{c}
	case *redis.ClusterClient:
		all := make(chan *redis.Client, 1000)
		_ = c.ForEachMaster(ctx, func(_ context.Context, master *redis.Client) error { // those that it reaches
			all <- master
			return nil
		})
		close(all)
		var list []*redis.Client
		for one := range all {
			list = append(list, one)
		}
		return list
	}
	return nil
}
