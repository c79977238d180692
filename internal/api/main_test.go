package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
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
	"github.com/hpplink/hpplink/internal/results"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const patience = 30 * time.Second

var ctx = context.Background()

// bench is an API that serves, on one Redis.
type bench struct {
	t      testing.TB
	url    string
	api    *api.API
	server *http.Server
	client *http.Client
	ledger *ledger.Ledger
	rdb    redis.UniversalClient
	log    *logBuffer
	token  string // sent with every request
}

// config changes what a bench is made of.
type config func(*api.Config)

func withTokens(byName map[string]string) config {
	tokens, err := api.NewTokens(byName)
	if err != nil {
		panic(err)
	}
	return func(c *api.Config) { c.Tokens = tokens }
}

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
	b.rdb, b.ledger = conn.Client(), ledger.New(conn.Client(), "hpp", 0)
	q := queue.NewClient(conn.AsynqOpt(), "hpp")
	hub := results.NewHub(results.NewReader(b.rdb, b.ledger.Keys().Results()), log)
	c := api.Config{
		Door: intake.New(partition.Single(b.ledger), q, directory(), log), Ledger: partition.Single(b.ledger), Hub: hub, Log: log,
		Parts: []api.Part{{Name: "redis", Ready: func(ctx context.Context) error { return b.rdb.Ping(ctx).Err() }}},
	}
	for _, change := range changes {
		change(&c)
	}
	b.api = api.New(c)
	cancelHub, hubEnded := run(hub.Run)
	b.serve()
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		b.server.Close()
		q.Close()
		cancelHub()
		conn.Close() // which ends the hub's read, too
		<-hubEnded
	})
	return b
}

func run(f func(context.Context)) (cancel func(), done <-chan struct{}) {
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); f(running) }()
	return cancel, ended
}

func (b *bench) serve() {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.server, b.url = api.NewServer(b.api, b.api), "http://"+l.Addr().String()
	b.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	go b.server.Serve(l)
}

// directory knows M1, and "small", of whose orders one may be open.
func directory() *merchant.Directory {
	u, _ := url.Parse("https://api.paymentoptions.com/api/v1")
	profile := func(id string, open int) merchant.Profile {
		return merchant.Profile{ID: id, GatewayURL: u, APIKey: merchant.NewSecret("k"), XAPIKey: merchant.NewSecret("x"), MaxOpen: open}
	}
	return merchant.NewDirectory(profile("M1", 0), profile("small", 1), profile("M/2 {ü}", 0))
}

var full = map[string]any{
	"merchant_id": "M1", "merchant_txn_ref": "r", "currency": "JPY", "amount": 1000, "merchant_email": "shop@shop.example",
	"return_url": map[string]any{"cancel_url": "https://shop.example/no"}, "payment_method": map[string]any{"type": "scheme"},
	"billing_address": map[string]any{"country": "JP"},
}

// event is a full order with other fields in their place, given as pairs of name and value; nil leaves one out.
func event(pairs ...any) string {
	fields := maps.Clone(full)
	for i := 0; i < len(pairs); i += 2 {
		if fields[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(fields, pairs[i].(string))
		}
	}
	data, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func ref(s string) string { return event("merchant_txn_ref", s) }

func key(s string) order.Key { return order.Key{MerchantID: "M1", Ref: s} }

func (b *bench) claim(k order.Key) ledger.Attempt {
	b.t.Helper()
	c, err := b.ledger.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		b.t.Fatalf("claim of %s: %+v %v", k, c, err)
	}
	return c.Attempt
}

func (b *bench) issue(k order.Key) {
	b.t.Helper()
	is := ledger.Issuance{Link: ledger.Link{ID: "L-" + k.Ref, URL: "https://pay.example/" + url.PathEscape(k.Ref)}, Amount: "1000", Currency: "JPY"}
	if s, err := b.ledger.Issue(ctx, b.claim(k), is); err != nil || s != ledger.SettledIssued {
		b.t.Fatalf("issue of %s: %q %v", k, s, err)
	}
}

func (b *bench) fail(k order.Key, f ledger.Failure) {
	b.t.Helper()
	if s, err := b.ledger.Fail(ctx, b.claim(k), f); err != nil || s != ledger.SettledFailed {
		b.t.Fatalf("failure of %s: %q %v", k, s, err)
	}
}

// awaitReading waits until so many wait for links: the hub reads.
func (b *bench) awaitReading() {
	b.t.Helper()
	end := time.Now().Add(patience)
	for !blockedReader(b.rdb) {
		if time.Now().After(end) {
			b.t.Fatal("nobody reads the results")
		}
		time.Sleep(time.Millisecond)
	}
}

// blockedReader asks a real Redis whether a client is blocked in a read.
func blockedReader(rdb redis.UniversalClient) bool {
	info, err := rdb.Info(ctx, "clients").Result()
	return err == nil && strings.Contains(info, "blocked_clients:") && !strings.Contains(info, "blocked_clients:0")
}
