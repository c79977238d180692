package worker_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const (
	ns        = "hpp"
	gwTimeout = 2 * time.Second
)

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
	lanes = []order.Lane{order.Interactive, order.Bulk}
)

// bench is one namespace of one Redis, with a door for any order.
type bench struct {
	rdb    *redis.Client // for the test to look around
	conn   *redisconn.Conn
	ledger *ledger.Ledger
	queue  *queue.Client
	door   *intake.Door
}

// newBench looks at the Redis at addr, and works over the address via, which may be a line to cut.
func newBench(t *testing.T, addr, via string) *bench {
	t.Helper()
	conn, err := redisconn.Open(ctx, "redis://"+via, quiet)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{rdb: redistest.Client(t, addr), conn: conn, ledger: ledger.New(conn.Client(), ns, 0), queue: queue.NewClient(conn.AsynqOpt(), ns)}
	b.door = intake.New(partition.Single(b.ledger), b.queue, nil, quiet)
	t.Cleanup(func() {
		b.queue.Close()
		conn.Close()
	})
	return b
}

// each runs f on both kinds of Redis.
func each(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) { f(t, newBench(t, addr, addr)) })
}

// gatewayAt is a sandbox on a real socket. before, unless nil, sees each POST before its answer goes out.
func gatewayAt(t *testing.T, o sandbox.Options, before func()) (*sandbox.Server, string) {
	t.Helper()
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before != nil {
			before()
		}
		s.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	t.Cleanup(s.Close)
	return s, h.URL
}

func profile(t *testing.T, id, gatewayURL string) merchant.Profile {
	t.Helper()
	u, err := url.Parse(gatewayURL)
	if err != nil {
		t.Fatal(err)
	}
	return merchant.Profile{
		ID: id, GatewayURL: u, Timeout: gwTimeout, APIKey: merchant.NewSecret("key"), XAPIKey: merchant.NewSecret("xkey"),
	}
}

// worker is one more worker on this bench, for these merchants.
func (b *bench) worker(t *testing.T, profiles ...merchant.Profile) *worker.Worker {
	t.Helper()
	client := gateway.New(gateway.Options{})
	t.Cleanup(client.CloseIdle)
	directory := merchant.NewDirectory(profiles...)
	return worker.New(b.ledger, client, directory, intake.New(partition.Single(b.ledger), b.queue, directory, quiet), pacing.New(b.ledger.Slots, b.ledger.Gate, 10), 0, quiet)
}

// serve lets asynq hand tasks to the worker until the test ends.
func (b *bench) serve(t *testing.T, w *worker.Worker) {
	t.Helper()
	servers := queue.NewServers(b.conn.AsynqOpt(), queue.Config{
		Namespace: ns, PickupInterval: 10 * time.Millisecond, DelayedInterval: 10 * time.Millisecond, Concurrency: 20, Log: quiet,
	}, w.Handle)
	if err := servers.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := servers.Shutdown(); err != nil {
			t.Error(err)
		}
	})
}

// event is an order with this ref, and further fields as pairs of name and value.
func event(merchantID, ref string, more ...any) []byte {
	fields := map[string]any{
		"merchant_id": merchantID, "merchant_txn_ref": ref, "amount": 1000, "currency": "JPY", "merchant_email": "shop@shop.example",
		"return_url": map[string]any{"success_url": "https://shop.example/ok"}, "payment_method": map[string]any{"type": "scheme"},
		"billing_address": map[string]any{"country": "JP"},
	}
	for i := 0; i < len(more); i += 2 {
		fields[more[i].(string)] = more[i+1]
	}
	data, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return data
}

func key(merchantID, ref string) order.Key { return order.Key{MerchantID: merchantID, Ref: ref} }

// accept puts an order into the ledger without a task for it, and returns the task that there should be.
func (b *bench) accept(t *testing.T, json []byte) queue.Task {
	t.Helper()
	s, err := b.door.Prepare(json, order.Interactive)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.ledger.Accept(ctx, s)
	if err != nil || a.Decision != ledger.Accepted {
		t.Fatalf("%+v %v", a, err)
	}
	return queue.Task{ID: a.TaskID, Type: queue.TypeGenerate, Lane: s.Lane, Payload: s.Key.Reference()}
}

func (b *bench) record(t *testing.T, k order.Key) ledger.Record {
	t.Helper()
	r, found, err := b.ledger.Get(ctx, k)
	if err != nil || !found {
		t.Fatalf("the ledger's record of %s: %v %v", k, found, err)
	}
	return r
}

func (b *bench) counts(t *testing.T) ledger.Counts {
	t.Helper()
	c, err := b.ledger.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// set writes fields of an order's record, as if they had come to be so.
func (b *bench) set(t *testing.T, k order.Key, pairs ...any) {
	t.Helper()
	if err := b.rdb.HSet(ctx, b.ledger.Keys().Record(k), pairs...).Err(); err != nil {
		t.Fatal(err)
	}
}
