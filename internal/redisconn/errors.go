package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// URLError says that the Redis URL can not be used. It never quotes the URL, which may hold a password.
type URLError struct{ Problem string }

func (e *URLError) Error() string {
	return "the Redis URL " + e.Problem +
		": set --redis / HPPLINK_REDIS to redis://[user:password@]host[:port][/db], " +
		"redis+sentinel://[user:password@]host[:port],…/master or redis+cluster://[user:password@]host[:port],…; with TLS it begins with rediss"
}

// UnreachableError says that Redis gave no usable answer. Trying again later may help.
type UnreachableError struct {
	Addr   string // host:port, or several
	Reason string // in a few words
	cause  error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("Redis at %s does not answer (%s): start it, or set --redis / HPPLINK_REDIS", e.Addr, e.Reason)
}

// Unwrap returns what the client said.
func (e *UnreachableError) Unwrap() error { return e.cause }

// DeniedError says that Redis answers but does not accept the credentials. Trying again does not help.
type DeniedError struct {
	Addr      string
	Sentinels bool // not Redis itself, but those who name its master
}

func (e *DeniedError) Error() string {
	if e.Sentinels {
		return fmt.Sprintf("the Sentinels of Redis at %s refuse the user name or password: correct HPPLINK_SENTINEL_PASSWORD", e.Addr)
	}
	return fmt.Sprintf("Redis at %s refuses the user name or password: correct them in --redis / HPPLINK_REDIS", e.Addr)
}

func (t target) explain(err error) error {
	var noMaster *noMasterError
	if errors.As(err, &noMaster) && noMaster.denied {
		return &DeniedError{Addr: t.addr, Sentinels: true}
	}
	if noMaster == nil && isDenied(err) {
		return &DeniedError{Addr: t.addr}
	}
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) {
		unreachable = t.unreachable(err)
	}
	return unreachable
}

func isDenied(err error) bool {
	return redis.IsAuthError(err) || redis.IsPermissionError(err) || strings.HasPrefix(err.Error(), "WRONGPASS")
}

func (t target) unreachable(err error) *UnreachableError {
	return &UnreachableError{Addr: t.addr, Reason: t.reason(err), cause: err}
}

func (t target) reason(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var noMaster *noMasterError
	switch {
	case errors.As(err, &noMaster):
		return t.masked(noMaster.reason)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &dns):
		return "the host name does not resolve"
	case errors.As(err, &certificate):
		return "its TLS certificate is not trusted: " + certificate.Err.Error()
	case errors.As(err, &record):
		return "it does not speak TLS: use redis:// instead of rediss://"
	case redis.IsLoadingError(err):
		return "it is still loading its data"
	case redis.IsReadOnlyError(err):
		return "it is a replica: the master is another server, or is going to be"
	case isRedirect(err) && t.kind == single:
		return "it is a node of a Redis Cluster: use redis+cluster:// instead of redis://"
	case t.kind == cluster && strings.Contains(err.Error(), "cluster support disabled"):
		return "it is no Redis Cluster: use redis:// instead of redis+cluster://"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closed the connection"
	}
	return t.masked(err.Error())
}

// masked is for texts that we have not seen: a server may quote what it was sent.
func (t target) masked(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	for _, secret := range []string{t.options.Password, t.sentinelPassword} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}
