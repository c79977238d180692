package redisconn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(redistest.M{M: m})
}

const secret = "s3cr3t-passw0rd"

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func open(t *testing.T, rawURL string) *redisconn.Conn {
	t.Helper()
	c, err := redisconn.Open(context.Background(), rawURL, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestOpen(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		c := open(t, "redis://"+addr+"/0")
		if c.Addr() != addr {
			t.Errorf("Addr is %q, want %q", c.Addr(), addr)
		}
		if err := c.Client().Set(context.Background(), "k", "v", 0).Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenWithDatabaseNumber(t *testing.T) {
	addr := redistest.Server(t)
	open(t, "redis://"+addr+"/3").Client().Set(context.Background(), "k", "in 3", 0)
	if got := redistest.Client(t, addr).Get(context.Background(), "k").Val(); got != "" {
		t.Errorf("database 0 has %q", got)
	}
}

func TestOpenWithCredentials(t *testing.T) {
	p := redistest.StartServer(t, "--requirepass", secret, "--user", "worker", "on", ">"+secret, "~*", "&*", "+@all")
	tests := map[string]struct {
		userinfo string
		denied   bool
	}{
		"password of the default user": {":" + secret, false},
		"user and password":            {"worker:" + secret, false},
		"wrong password":               {":wrong-" + secret, true},
		"wrong user":                   {"nobody:" + secret, true},
		"none":                         {"", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := redisconn.Open(context.Background(), "redis://"+test.userinfo+"@"+p.Addr, quiet())
			if err == nil {
				defer c.Close()
			}
			var denied *redisconn.DeniedError
			if errors.As(err, &denied) != test.denied || !test.denied && err != nil {
				t.Fatalf("got %v, want denied: %v", err, test.denied)
			}
			mustHide(t, err)
		})
	}
}

func mustHide(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if text := err.Error(); strings.Contains(text, secret) || strings.Contains(text, "\n") {
			t.Errorf("shows the password or has several lines: %q", text)
		}
	}
}

func TestOpenRefusesBadURL(t *testing.T) {
	tests := map[string]struct{ url, want string }{
		"empty":               {"", "no scheme"},
		"no scheme":           {"user:" + secret + "@host", "no scheme"},
		"http":                {"http://host", "unknown scheme"},
		"slash in password":   {"redis://:pa/" + secret + "@host", "percent-encoded"},
		"hash in password":    {"redis://:12#" + secret + "@host", "%23"},
		"question in number":  {"redis://u:12?" + secret + "@host/0", "%3F"},
		"database not number": {"redis://:" + secret + "@host/main", "database number"},
		"two path segments":   {"redis://:" + secret + "@host/0/1", "database number"},
		"unknown option":      {"redis://:" + secret + "@host/0?pool=3", "unknown option"},
		"bad option":          {"redis://:" + secret + "@host/0?pool_size=many", "unreadable value"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := redisconn.Open(context.Background(), test.url, quiet())
			var bad *redisconn.URLError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want a URLError with %q", err, test.want)
			}
			mustHide(t, err)
		})
	}
}

func FuzzOpenNeverShowsThePassword(f *testing.F) {
	for _, s := range []string{"redis://:X@h", "redis://X/", "rediss://h/0?X=X", "X", "redis://:a#X@h", "redis://[X", "redis+cluster://X"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, shape string) {
		rawURL := strings.ReplaceAll(shape, "X", secret)
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // no network: only the reading of the URL is of interest
		if rawURL == "embedded" {
			return
		}
		c, err := redisconn.Open(ctx, rawURL, quiet())
		if err == nil {
			c.Close()
		}
		var bad *redisconn.URLError
		if errors.As(err, &bad) {
			mustHide(t, err)
		}
	})
}

func TestOpenGivesUp(t *testing.T) {
	blackHole := listen(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	closed := listen(t, nil)
	tests := map[string]struct{ url, want string }{
		"refused":        {"redis://:" + secret + "@" + closed, "Redis at " + closed + " does not answer (connection refused): start it, or set --redis / HPPLINK_REDIS"},
		"black hole":     {"redis://:" + secret + "@" + blackHole, "no answer in time"},
		"TLS black hole": {"rediss://:" + secret + "@" + blackHole, "no answer in time"},
		"unknown host":   {"redis://:" + secret + "@no-such-host.invalid", "does not resolve"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			_, err := redisconn.Open(context.Background(), test.url, quiet())
			var unreachable *redisconn.UnreachableError
			if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an UnreachableError with %q", err, test.want)
			}
			if took := time.Since(begin); took > 6*time.Second {
				t.Errorf("took %v", took)
			}
			mustHide(t, err)
		})
	}
}

// listen returns an address whose connections serve handles, or, without serve, one where nobody listens.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if serve == nil {
		l.Close()
		return l.Addr().String()
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); serve(conn) }()
		}
	}()
	return l.Addr().String()
}

func TestOpenWaitsWhileRedisLoads(t *testing.T) {
	m := redistest.Mini(t)
	m.SetError("LOADING Redis is loading the dataset in memory")
	opened := make(chan error)
	go func() {
		c, err := redisconn.Open(context.Background(), "redis://"+m.Addr(), quiet())
		if err == nil {
			err = c.Close()
		}
		opened <- err
	}()
	for m.TotalConnectionCount() == 0 { // Open has met the loading server
		time.Sleep(time.Millisecond)
	}
	m.SetError("")
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	m := redistest.Mini(t)
	m.SetError("LOADING Redis is loading the dataset in memory")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := redisconn.Open(ctx, "redis://"+m.Addr(), quiet())
	var unreachable *redisconn.UnreachableError
	if !errors.As(err, &unreachable) {
		t.Errorf("got %v", err)
	}
}

func TestOpenOverTLS(t *testing.T) {
	cert, key := certificate(t)
	p := redistest.StartServer(t, "--tls-port", "0", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	open(t, "rediss://"+p.Addr+"?skip_verify=true")
	_, err := redisconn.Open(context.Background(), "rediss://"+p.Addr, quiet())
	if err == nil || !strings.Contains(err.Error(), "certificate is not trusted") {
		t.Errorf("with an unknown certificate: %v", err)
	}
	_, err = redisconn.Open(context.Background(), "rediss://"+redistest.Server(t), quiet())
	if err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("TLS to a plain server: %v", err)
	}
}

func TestEmbedded(t *testing.T) {
	c, ctx := open(t, "embedded"), context.Background()
	if host, _, err := net.SplitHostPort(c.Addr()); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("listens at %s", c.Addr())
	}
	if now := c.Client().Time(ctx).Val(); time.Since(now).Abs() > time.Minute {
		t.Errorf("its clock says %v", now)
	}
	if r, err := c.Check(ctx); err != nil || !r.Embedded || r.Durable() || r.Loss() == "" {
		t.Errorf("Check: %+v, %v", r, err)
	}
}

func TestEmbeddedKeysExpireByThemselves(t *testing.T) {
	c, ctx := open(t, "embedded"), context.Background()
	c.Client().Set(ctx, "short", "v", 100*time.Millisecond)
	c.Client().Set(ctx, "long", "v", time.Hour)
	deadline := time.Now().Add(5 * time.Second)
	for c.Client().Exists(ctx, "short").Val() == 1 {
		if time.Now().After(deadline) {
			t.Fatal("the key outlived its time by far")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if c.Client().Exists(ctx, "long").Val() != 1 {
		t.Error("a key expired before its time")
	}
}

func TestClientsForAsynqAreTheirOwn(t *testing.T) {
	c, ctx := open(t, "redis://"+redistest.Server(t)), context.Background()
	opt := c.AsynqOpt()
	a, b := opt.MakeRedisClient().(redis.UniversalClient), opt.MakeRedisClient().(redis.UniversalClient)
	a.Close()
	defer b.Close()
	if err := b.Ping(ctx).Err(); err != nil {
		t.Errorf("closing one closed the other: %v", err)
	}
	if err := c.Client().Ping(ctx).Err(); err != nil {
		t.Errorf("closing one closed the shared client: %v", err)
	}
}

func TestAcknowledgementOutlivesItsContext(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		c := open(t, "redis://"+addr)
		client := c.AsynqOpt().MakeRedisClient().(redis.UniversalClient)
		defer client.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := client.Set(ctx, "k", "v", 0).Err(); err != nil {
			t.Errorf("a command with a cancelled context: %v", err)
		}
		if _, err := client.Pipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "l", "v", 0); return nil }); err != nil {
			t.Errorf("a pipeline with a cancelled context: %v", err)
		}
		if err := c.Client().Set(ctx, "m", "v", 0).Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("the shared client goes on after its context: %v", err)
		}
	})
}

func TestClientTalkStaysOffStandardErrorAndInfo(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	if _, err := redisconn.Open(context.Background(), "redis://"+listen(t, nil), log); err == nil {
		t.Fatal("opened nothing")
	}
	if out.Len() > 0 {
		t.Errorf("logged %s", out.String())
	}
}
