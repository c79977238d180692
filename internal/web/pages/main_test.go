package pages_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/web/pages"
)

func TestMain(m *testing.M) {
	// A pool that was refused often sleeps for up to a second until it sees that it was closed.
	goleak.VerifyTestMain(redistest.M{M: m}, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

var ctx = context.Background()

// bench is the pages, on one Redis.
type bench struct {
	t      testing.TB
	mux    *http.ServeMux
	pages  *pages.Pages
	ledger *ledger.Ledger
	door   *intake.Door
	rdb    redis.UniversalClient
	shops  *merchant.Directory
}

func each(t *testing.T, f func(b *bench)) {
	redistest.Each(t, func(t *testing.T, addr string) { f(newBench(t, addr, true)) })
}

func newBench(t testing.TB, addr string, write bool) *bench {
	t.Helper()
	conn, err := redisconn.Open(ctx, "redis://"+addr, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	q := queue.NewClient(conn.AsynqOpt(), "hpp")
	t.Cleanup(func() {
		if err := errors.Join(q.Close(), conn.Close()); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, mux: http.NewServeMux(), rdb: conn.Client(), ledger: ledger.New(conn.Client(), "hpp", 0), shops: directory()}
	b.door = intake.New(partition.Single(b.ledger), q, b.shops, slog.New(slog.DiscardHandler))
	b.pages = pages.New(pages.Config{
		Redis: b.rdb, Ledger: partition.Single(b.ledger), Door: b.door, Merchants: b.shops, Write: write, Log: slog.New(slog.DiscardHandler),
	})
	for pattern, h := range b.pages.Routes() {
		b.mux.HandleFunc(pattern, h)
	}
	return b
}

const (
	apiKey  = "planted-api-key-a1f3"
	xAPIKey = "planted-x-api-key-77b0"
)

// directory knows M-1001, which has a rate limit, and M-2002.
func directory() *merchant.Directory {
	u, _ := url.Parse("https://api.paymentoptions.com/api/v1")
	p := merchant.Profile{ID: "M-1001", GatewayURL: u, APIKey: merchant.NewSecret(apiKey), XAPIKey: merchant.NewSecret(xAPIKey), Rate: 20}
	other := p
	other.ID, other.Rate = "M-2002", 0
	return merchant.NewDirectory(p, other)
}

// orderPath is where an order is shown.
func orderPath(k order.Key) string { return "/orders/order/" + url.PathEscape(k.String()) }

func key(ref string) order.Key { return order.Key{MerchantID: "M-1001", Ref: ref} }

// submit takes an order in, without a task for it.
func (b *bench) submit(keys ...order.Key) {
	b.t.Helper()
	for _, k := range keys {
		s := ledger.Submission{Key: k, Lane: order.Interactive, Fingerprint: order.Fingerprint{Sum: "1:x", Fields: "acEUR"}, Order: payload(k)}
		if a, err := b.ledger.Accept(ctx, s); err != nil || a.Decision != ledger.Accepted {
			b.t.Fatal(a, err)
		}
	}
}

// private is in every order, and is to be on no page.
const private = "personal-planted"

func payload(k order.Key) []byte {
	return fmt.Appendf(nil, `{"merchant_id":%q,"merchant_txn_ref":%q,"currency":"JPY","amount":1000,"merchant_email":"shop@shop.example",`+
		`"billing_address":{"country":"JP","email":"%[3]s@mail.example","city":"%[3]s"},"metadata":{"a":"%[3]s"},"delivery":{"email":{"to":"%[3]s@customer.example"}}}`,
		k.MerchantID, k.Ref, private)
}

func (b *bench) claim(k order.Key) ledger.Attempt {
	b.t.Helper()
	c, err := b.ledger.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		b.t.Fatalf("claim of %v: %+v %v", k, c, err)
	}
	return c.Attempt
}

// release puts a claimed order back.
func (b *bench) release(k order.Key, back ledger.Return) {
	b.t.Helper()
	if _, err := b.ledger.Release(ctx, b.claim(k), back); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) fail(k order.Key, f ledger.Failure) {
	b.t.Helper()
	b.submit(k)
	b.failOpen(k, f)
}

func (b *bench) failOpen(k order.Key, f ledger.Failure) {
	b.t.Helper()
	if s, err := b.ledger.Fail(ctx, b.claim(k), f); err != nil || s != ledger.SettledFailed {
		b.t.Fatal(s, err)
	}
}

func (b *bench) issue(k order.Key, link ledger.Link) {
	b.t.Helper()
	if s, err := b.ledger.Issue(ctx, b.claim(k), ledger.Issuance{Link: link, Amount: "1000", Currency: "JPY"}); err != nil || s != ledger.SettledIssued {
		b.t.Fatal(s, err)
	}
}

var (
	refused      = ledger.Failure{Code: "rejected", Message: "the amount is too small", Asked: true}
	unauthorized = ledger.Return{Why: "misconfigured (http_401): Unauthorized", Asked: true, Excused: true, Breaker: ledger.TripBreaker}
)

// alive has a worker give a sign of life.
func (b *bench) alive() {
	b.t.Helper()
	if _, err := b.ledger.ForWorker("w1").Pulse().Beat(ctx); err != nil {
		b.t.Fatal(err)
	}
}

type answer struct {
	t    testing.TB
	code int
	to   string // of a redirect
	body string
}

func (b *bench) get(path string) *answer {
	b.t.Helper()
	return b.do(httptest.NewRequest(http.MethodGet, path, nil))
}

func (b *bench) post(path string, pairs ...string) *answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

func (b *bench) do(r *http.Request) *answer {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Body)
	return &answer{b.t, w.Code, w.Header().Get("Location"), string(body)}
}

// fresh is a get that no earlier look is remembered for.
func (b *bench) fresh(path string) *answer {
	b.t.Helper()
	b.pages.Forget()
	return b.get(path)
}

func (a *answer) want(code int) *answer {
	a.t.Helper()
	if a.code != code {
		a.t.Fatalf("status %d, want %d: %.1500s", a.code, code, a.body)
	}
	return a
}

// says checks texts, whatever markup stands between the words.
func (a *answer) says(texts ...string) *answer {
	a.t.Helper()
	plain := textOf(a.body)
	for _, text := range texts {
		if !strings.Contains(plain, text) {
			a.t.Errorf("%q is missing in: %.3000s", text, plain)
		}
	}
	return a
}

func (a *answer) saysNot(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(textOf(a.body), text) || strings.Contains(a.body, text) {
			a.t.Errorf("%q is there", text)
		}
	}
	return a
}
