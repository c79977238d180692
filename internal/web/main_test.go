package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withBrowser{redistest.M{M: m}}) }

const (
	patience = 30 * time.Second
	secret   = "planted-token-0123456789"
)

var ctx = context.Background()

// bench is a site that is served, on one Redis.
type bench struct {
	t      testing.TB
	url    string
	site   *web.Site
	ledger *ledger.Ledger
	door   *intake.Door
	queue  *queue.Client
	rdb    redis.UniversalClient
	log    *logBuffer
	client *http.Client // follows no redirect, keeps no cookie
}

// config changes what a bench is made of.
type config func(*web.Config)

func tokens(byName map[string]string) api.Tokens {
	t, err := api.NewTokens(byName)
	if err != nil {
		panic(err)
	}
	return t
}

// withToken lets in who knows the secret.
func withToken(c *web.Config) { c.Tokens = tokens(map[string]string{"ops": secret}) }

func writable(c *web.Config) { c.Write = true }

// newBench is a site on a miniredis of its own.
func newBench(t testing.TB, changes ...config) *bench {
	t.Helper()
	return newBenchAt(t, redistest.Mini(t).Addr(), changes...)
}

func newBenchAt(t testing.TB, addr string, changes ...config) *bench {
	t.Helper()
	b := &bench{t: t, log: &logBuffer{}}
	log := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	conn, err := redisconn.Open(ctx, "redis://"+addr, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b.rdb, b.ledger, b.queue = conn.Client(), ledger.New(conn.Client(), "hpp", 0), queue.NewClient(conn.AsynqOpt(), "hpp")
	shops := directory()
	b.door = intake.New(partition.Single(b.ledger), b.queue, shops, log)
	c := web.Config{Redis: b.rdb, Asynq: conn.AsynqOpt(), Ledger: partition.Single(b.ledger), Door: b.door, Merchants: shops, Log: log}
	for _, change := range changes {
		change(&c)
	}
	b.site = web.New(c)
	mux := http.NewServeMux()
	b.site.Mount(mux)
	server := httptest.NewServer(mux)
	b.url, b.client = server.URL, server.Client()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		server.Close()
		for _, closer := range []io.Closer{b.site, b.queue, conn} {
			if err := closer.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return b
}

// directory knows M1.
func directory() *merchant.Directory {
	u, _ := url.Parse("https://api.paymentoptions.com/api/v1")
	return merchant.NewDirectory(merchant.Profile{ID: "M1", GatewayURL: u, APIKey: merchant.NewSecret("k"), XAPIKey: merchant.NewSecret("x")})
}

// submit hands an order in, on a lane.
func (b *bench) submit(ref string, lane order.Lane) {
	b.t.Helper()
	r := b.door.Submit(ctx, []intake.Event{{JSON: []byte(event(ref)), Lane: lane}})[0]
	if r.Status != intake.Accepted {
		b.t.Fatalf("%+v", r)
	}
}

// private is in every order, and is to be on no page but where it is meant to be.
const private = "personal-planted"

func event(ref string) string {
	return `{"merchant_id":"M1","merchant_txn_ref":"` + ref + `","currency":"JPY","amount":1000,"merchant_email":"` + private + `@shop.example",` +
		`"return_url":{"cancel_url":"https://shop.example/` + private + `"},"payment_method":{"type":"scheme"},` +
		`"billing_address":{"country":"JP","email":"` + private + `@mail.example","city":"` + private + `"},"metadata":{"` + private + `":"` + private + `"}}`
}

// request is one to the site. A browser's headers are set where it is one of a browser.
type request struct {
	method, path string
	form         url.Values
	header       map[string]string
	browser      bool // opens a page of the site from one
	cookies      []*http.Cookie
}

type answer struct {
	t       testing.TB
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
}

func (b *bench) do(r request) *answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, r.method, b.url+r.path, strings.NewReader(r.form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r.browser {
		req.Header.Set("Accept", "text/html,application/xhtml+xml")
		req.Header.Set("Sec-Fetch-Dest", "document")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		req.Header.Set("Origin", b.url)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	if host := r.header["Host"]; host != "" {
		req.Host = host
	}
	for _, c := range r.cookies {
		req.AddCookie(c)
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &answer{b.t, res.StatusCode, res.Header, res.Cookies(), string(body)}
}

func (b *bench) get(path string, cookies ...*http.Cookie) *answer {
	b.t.Helper()
	return b.do(request{method: http.MethodGet, path: path, browser: true, cookies: cookies})
}

// logIn returns the cookies of a session.
func (b *bench) logIn(token string) []*http.Cookie {
	b.t.Helper()
	a := b.do(request{method: http.MethodPost, path: "/login", form: url.Values{"token": {token}}, browser: true}).want(http.StatusSeeOther)
	if len(a.cookies) != 1 {
		b.t.Fatalf("%v", a.cookies)
	}
	return a.cookies
}

func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("status %d, want %d: %.300s", a.status, status, a.body)
	}
	return a
}

// leads checks where a redirect goes.
func (a *answer) leads(to string) *answer {
	a.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != to {
		a.t.Errorf("status %d to %q, want %q", a.status, got, to)
	}
	return a
}

func (a *answer) has(parts ...string) *answer {
	a.t.Helper()
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			a.t.Errorf("%q is missing in:\n%.2000s", part, a.body)
		}
	}
	return a
}

func (a *answer) hasNot(parts ...string) *answer {
	a.t.Helper()
	for _, part := range parts {
		if strings.Contains(a.body, part) {
			a.t.Errorf("%q is in:\n%.2000s", part, a.body)
		}
	}
	return a
}

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
