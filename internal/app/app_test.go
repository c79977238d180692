package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func TestMain(m *testing.M) {
	// A client that could not connect for a while looks whether it is closed once a second.
	looks := goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial")
	goleak.VerifyTestMain(redistest.M{M: m}, looks)
}

const patience = 30 * time.Second

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
	lanes = []order.Lane{order.Interactive, order.Bulk}
)

func open(t *testing.T, addr string) *Base {
	t.Helper()
	b, err := Open(ctx, "redis://"+addr, "hpp", 0, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// slowGateway answers after 100 ms.
func slowGateway(t *testing.T) (*sandbox.Server, *merchant.Directory) {
	t.Helper()
	return gatewayBehind(t, func(h http.Handler) http.Handler { return h })
}

// gatewayBehind is one behind something else.
func gatewayBehind(t *testing.T, behind func(http.Handler) http.Handler) (*sandbox.Server, *merchant.Directory) {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{Latency: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(behind(s.Handler()))
	t.Cleanup(h.Close)
	t.Cleanup(s.Close)
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s, merchant.NewDirectory(merchant.Profile{
		ID: "M1", GatewayURL: u, APIKey: merchant.NewSecret("k"), XAPIKey: merchant.NewSecret("x"), Timeout: 5 * time.Second,
		Defaults: order.Defaults{
			MerchantEmail: "shop@shop.example", BillingCountry: "JP",
			ReturnURL: []byte(`{"cancel_url":"https://shop.example/no"}`), PaymentMethod: []byte(`{"type":"scheme"}`),
		},
	})
}

func start(t *testing.T, b *Base, m *merchant.Directory) *Worker {
	t.Helper()
	w, err := b.StartWorker(ctx, WorkerConfig{Merchants: m, Concurrency: 10})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// submit hands n orders in, on both lanes.
func submit(t *testing.T, b *Base, m *merchant.Directory, n int) {
	t.Helper()
	events := make([]intake.Event, n)
	for i := range events {
		events[i] = intake.Event{JSON: fmt.Appendf(nil, `{"merchant_txn_ref":"r%d","currency":"JPY"}`, i), Lane: lanes[i%2]}
	}
	for _, r := range b.Door(m).Submit(ctx, events) {
		if r.Status != intake.Accepted {
			t.Fatalf("%+v", r)
		}
	}
}

// await returns the ids of the links that are published, by ref, once there are n of them.
func await(t *testing.T, b *Base, n int) map[string]string {
	t.Helper()
	following, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	links := map[string]string{}
	enough := errors.New("enough")
	err := b.Results.Follow(following, results.Start, func(e results.Event) error {
		d, err := results.Decode[results.Issued](e)
		if err != nil || e.Type != results.LinkIssued || links[e.Ref] != "" {
			t.Errorf("%s about %s, which had %q: %v", e.Type, e.Ref, links[e.Ref], err)
		}
		if links[e.Ref] = d.LinkID; len(links) < n {
			return nil
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Fatalf("%d links (%v), want %d", len(links), err, n)
	}
	return links
}

// minted returns the ids of the links that the gateway made, by ref.
func minted(t *testing.T, s *sandbox.Server) map[string]string {
	t.Helper()
	links := map[string]string{}
	for _, e := range journalOf(t, s) {
		if e.LinkID == "" || links[e.Ref] != "" {
			t.Errorf("POST for %s: %+v", e.Ref, e)
		}
		links[e.Ref] = e.LinkID
	}
	return links
}

func journalOf(t *testing.T, s *sandbox.Server) []sandbox.Entry {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/_sandbox/journal?limit=10000", nil))
	var journal struct{ Entries []sandbox.Entry }
	if err := json.Unmarshal(w.Body.Bytes(), &journal); err != nil {
		t.Fatal(err)
	}
	return journal.Entries
}

func TestStopUnderLoadFinishesWhatIsInFlight(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		const n = 200
		b := open(t, addr)
		s, m := slowGateway(t)
		submit(t, b, m, n)
		w := start(t, b, m)
		await(t, b, n/4)
		if err := w.Stop(); err != nil {
			t.Fatal(err)
		}

		made := minted(t, s)
		if len(made) == n {
			t.Fatal("stopped too late to matter")
		}
		if published := await(t, b, len(made)); !equal(made, published) || s.Stats().Posts != int64(len(made)) {
			t.Errorf("%d POSTs and %d published links", s.Stats().Posts, len(published))
		}
		c, err := b.Ledger.Counts(ctx)
		if err != nil || c.Sending[order.Interactive]+c.Sending[order.Bulk] != 0 || c.Open() != n-len(made) {
			t.Errorf("%+v %v after %d of %d", c, err, len(made), n)
		}

		w = start(t, b, m)
		published := await(t, b, n)
		if err := w.Stop(); err != nil || !equal(minted(t, s), published) || s.Stats().Posts != n {
			t.Errorf("%v, %d POSTs for %d orders", err, s.Stats().Posts, n)
		}
	})
}

func equal(a, b map[string]string) bool {
	for ref, link := range a {
		if b[ref] != link {
			return false
		}
	}
	return len(a) == len(b)
}

func TestRedisAwayAtTheStart(t *testing.T) {
	server := redistest.StartServer(t)
	b := open(t, server.Addr)
	_, m := slowGateway(t)
	server.Kill()
	var away *redisconn.UnreachableError
	if _, err := b.StartWorker(ctx, WorkerConfig{Merchants: m}); !errors.As(err, &away) || away.Addr != server.Addr {
		t.Errorf("start of a worker: %v", err)
	}
	if _, err := Open(ctx, "redis://"+server.Addr, "hpp", 0, quiet); !errors.As(err, &away) {
		t.Errorf("open: %v", err)
	}
	server.Restart(t)
	if err := start(t, b, m).Stop(); err != nil {
		t.Error(err)
	}
}

func TestUnfitRedisIsRefused(t *testing.T) {
	server := redistest.StartServer(t, "--maxmemory-policy", "allkeys-lru")
	b := open(t, server.Addr)
	var unfit *redisconn.UnfitError
	if _, err := b.StartWorker(ctx, WorkerConfig{Merchants: merchant.NewDirectory()}); !errors.As(err, &unfit) {
		t.Errorf("got %v", err)
	}
}

func TestWorkerOutlivesTheContextOfItsStart(t *testing.T) {
	b := open(t, redistest.Server(t))
	s, m := slowGateway(t)
	starting, cancel := context.WithCancel(ctx)
	w, err := b.StartWorker(starting, WorkerConfig{Merchants: m})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	// An order without a task, so that only the reaper can bring it out.
	lost, err := b.Door(m).Prepare([]byte(`{"merchant_txn_ref":"r0","currency":"JPY"}`), order.Interactive)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Ledger.Home().Accept(ctx, lost); err != nil {
		t.Fatal(err)
	}
	b.Redis.Client().ZAdd(ctx, b.Ledger.Keys().Queued(order.Interactive), redis.Z{Score: 1, Member: lost.Key.String()})
	await(t, b, 1)
	if err := w.Stop(); err != nil || s.Stats().Posts != 1 {
		t.Errorf("%v after %d POSTs", err, s.Stats().Posts)
	}
}

func TestEmbeddedRedis(t *testing.T) {
	b, err := Open(ctx, "embedded", "hpp", 0, quiet)
	if err != nil {
		t.Fatal(err)
	}
	_, m := slowGateway(t)
	w := start(t, b, m)
	submit(t, b, m, 4)
	await(t, b, 4)
	if err := errors.Join(w.Stop(), b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
}

func TestTeardown(t *testing.T) {
	var steps teardown
	var ran []string
	errFirst, errLast := errors.New("broken"), errors.New("stuck")
	add := func(name string, err error) {
		steps.add(name, func() error { ran = append(ran, name); return err })
	}
	add("redis", errFirst)
	add("queue", nil)
	add("servers", errLast)
	err := steps.run()
	if !errors.Is(err, errFirst) || !errors.Is(err, errLast) || err.Error() != "servers: stuck\nredis: broken" {
		t.Errorf("got %v", err)
	}
	if err := steps.run(); err != nil || !slices.Equal(ran, []string{"servers", "queue", "redis"}) {
		t.Errorf("ran %q, %v", ran, err)
	}
}

func TestCheckAges(t *testing.T) {
	const h = time.Hour
	checkAges(t, 720*h, 24*h, true)
	checkAges(t, 24*h, 24*h, true)
	checkAges(t, 24*h-1, 24*h, false)
}

// TestRegressionCheckAgesOfDefaults: zero once counted as no time at all, although a worker takes it for its default.
func TestRegressionCheckAgesOfDefaults(t *testing.T) {
	const h = time.Hour
	checkAges(t, 0, 24*h, true)
	checkAges(t, 0, 721*h, false)
	checkAges(t, 24*h, 0, true)
	checkAges(t, h, 0, false)
	checkAges(t, 0, 0, true)
}

func checkAges(t *testing.T, retention, maxAge time.Duration, fits bool) {
	t.Helper()
	err := CheckAges(retention, maxAge)
	if (err == nil) != fits || (err != nil && (!errors.Is(err, ErrForgetsTooSoon) || !strings.Contains(err.Error(), "--retention"))) {
		t.Errorf("%v and %v: %v", retention, maxAge, err)
	}
}

// TestRegressionShutdownIgnoredAShortTimeout: a worker whose calls end after two seconds took as long to give up
// at its end as one with the default time-out, and longer than an orchestrator waits.
func TestRegressionShutdownIgnoredAShortTimeout(t *testing.T) {
	of := func(timeouts ...time.Duration) time.Duration {
		var all []merchant.Profile
		for i, d := range timeouts {
			all = append(all, merchant.Profile{ID: fmt.Sprint(i), Timeout: d})
		}
		return longestCall(merchant.NewDirectory(all...))
	}
	if short, usual, mixed := of(2*time.Second, 3*time.Second), of(0), of(0, 40*time.Second, 20*time.Second); short != 3*time.Second ||
		usual != merchant.DefaultTimeout || mixed != 40*time.Second {
		t.Errorf("the longest calls are taken to be %v, %v and %v", short, usual, mixed)
	}
}
