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
		": set --redis / HPPLINK_REDIS to redis://[user:password@]host[:port][/db] or rediss://…"
}

// UnreachableError says that Redis gave no usable answer. Trying again later may help.
type UnreachableError struct {
	Addr   string // host:port
	Reason string // in a few words
	cause  error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("Redis at %s does not answer (%s): start it, or set --redis / HPPLINK_REDIS", e.Addr, e.Reason)
}

// Unwrap returns what the client said.
func (e *UnreachableError) Unwrap() error { return e.cause }

// DeniedError says that Redis answers but does not accept the credentials. Trying again does not help.
type DeniedError struct{ Addr string }

func (e *DeniedError) Error() string {
	return fmt.Sprintf("Redis at %s refuses the user name or password: correct them in --redis / HPPLINK_REDIS", e.Addr)
}

func (t target) explain(err error) error {
	if redis.IsAuthError(err) || redis.IsPermissionError(err) || strings.HasPrefix(err.Error(), "WRONGPASS") {
		return &DeniedError{Addr: t.addr}
	}
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) {
		unreachable = t.unreachable(err)
	}
	return unreachable
}

func (t target) unreachable(err error) *UnreachableError {
	return &UnreachableError{Addr: t.addr, Reason: t.reason(err), cause: err}
}

func (t target) reason(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
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
	if t.options.Password == "" {
		return text
	}
	return strings.ReplaceAll(text, t.options.Password, "…")
}
