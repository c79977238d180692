package stream_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const (
	ns       = "hpp"
	patience = 30 * time.Second
	soon     = 10 * time.Millisecond // how long intakes of tests wait
)

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
	keys  = ledger.NamespaceKeys(ns)
)

// bench is one namespace of one Redis, as somebody sees it who is no part of what is tested.
type bench struct {
	addr   string
	rdb    *redis.Client
	ledger *ledger.Ledger
}

func newBench(t testing.TB, addr string) *bench {
	rdb := redistest.Client(t, addr)
	return &bench{addr: addr, rdb: rdb, ledger: ledger.New(rdb, ns, 0)}
}

func each(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) { f(t, newBench(t, addr)) })
}

// shops are M1, with room for any number of orders, and F1 to F3 with room for three each.
func shops() *merchant.Directory {
	shop := func(id string, maxOpen int) merchant.Profile {
		u, _ := url.Parse("https://api.paymentoptions.com/api/v1")
		return merchant.Profile{
			ID: id, GatewayURL: u, APIKey: merchant.NewSecret("k"), XAPIKey: merchant.NewSecret("x"), MaxOpen: maxOpen,
			Defaults: order.Defaults{
				MerchantEmail: "shop@shop.example", BillingCountry: "JP",
				ReturnURL: []byte(`{"cancel_url":"https://shop.example/no"}`), PaymentMethod: []byte(`{"type":"scheme"}`),
			},
		}
	}
	return merchant.NewDirectory(shop("M1", 1_000_000), shop("F1", 3), shop("F2", 3), shop("F3", 3))
}

// process is one intake with clients of its own, as a process has them.
type process struct {
	*stream.Intake
	conn  *redisconn.Conn
	queue *queue.Client
	end   context.CancelFunc
	done  chan error
}

// newProcess makes an intake that is not started. change may set it up otherwise.
func newProcess(t rapid.TB, addr string, change func(*stream.Config), hooks ...redis.Hook) *process {
	t.Helper()
	conn, err := redisconn.Open(ctx, "redis://"+addr, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hooks {
		conn.Client().AddHook(h)
	}
	l, q := ledger.New(conn.Client(), ns, 0), queue.NewClient(conn.AsynqOpt(), ns)
	c := stream.Config{Redis: conn.Client(), Ledger: l, Door: intake.New(partition.Single(l), q, shops(), quiet), Log: quiet}
	if change != nil {
		change(&c)
	}
	p := &process{Intake: stream.New(c), conn: conn, queue: q}
	p.Hasten(soon)
	return p
}

func (p *process) begin() {
	running, cancel := context.WithCancel(ctx)
	p.end, p.done = cancel, make(chan error, 1)
	go func() { p.done <- p.Run(running) }()
}

// close ends the intake, if it was begun, and returns what it said.
func (p *process) close() (err error) {
	if p.end != nil {
		p.end()
		err = <-p.done
	}
	p.queue.Close()
	p.conn.Close()
	return err
}

// start runs an intake until the test, or whoever calls stop, has had enough.
func (b *bench) start(t testing.TB, change func(*stream.Config), hooks ...redis.Hook) (stop func() error) {
	t.Helper()
	p := newProcess(t, b.addr, change, hooks...)
	p.begin()
	stop = sync.OnceValue(p.close)
	t.Cleanup(func() { stop() })
	return stop
}

// event is an order event of a merchant.
func event(merchantID, ref string, amount int) string {
	return fmt.Sprintf(`{"merchant_id":%q,"merchant_txn_ref":%q,"currency":"JPY","amount":%d}`, merchantID, ref, amount)
}

// add appends an entry, given as fields and values, and returns its id.
func (b *bench) add(t rapid.TB, fields ...any) string {
	t.Helper()
	id, err := b.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Orders(), Values: fields}).Result()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func eventually(t rapid.TB, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// handled reports whether a group was handed all of a stream, and has acknowledged it.
func (b *bench) handled(of string) bool {
	groups, err := b.rdb.XInfoGroups(ctx, of).Result()
	if err != nil || len(groups) == 0 {
		return false
	}
	left, err := b.rdb.XRangeN(ctx, of, "("+groups[0].LastDeliveredID, "+", 1).Result()
	if err != nil || len(left) > 0 {
		return false
	}
	p, err := b.rdb.XPending(ctx, of, stream.Group).Result()
	return err == nil && p.Count == 0
}

// settled waits until all of the stream of orders was handled.
func (b *bench) settled(t rapid.TB) {
	t.Helper()
	eventually(t, "all entries are handled", func() bool { return b.handled(keys.Orders()) })
}

func key(merchantID, ref string) order.Key { return order.Key{MerchantID: merchantID, Ref: ref} }

func (b *bench) knows(t rapid.TB, k order.Key) bool {
	t.Helper()
	_, found, err := b.ledger.Get(ctx, k)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (b *bench) wantOrders(t rapid.TB, merchantID string, refs ...string) {
	t.Helper()
	for _, ref := range refs {
		if !b.knows(t, key(merchantID, ref)) {
			t.Errorf("there is no order %s of %s", ref, merchantID)
		}
	}
}

// answers returns the results about entries that became no order, by the id of the entry.
func (b *bench) answers(t rapid.TB) map[string][]results.Event {
	t.Helper()
	all := map[string][]results.Event{}
	_, err := results.NewReader(b.rdb, keys.Results()).Read(ctx, results.Start, func(e results.Event) error {
		if e.Type == results.OrderRejected || e.Type == results.OrderConflict {
			source, _, _ := strings.Cut(e.ID, ":")
			all[source] = append(all[source], e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// issue gives an order its link, so that it is open no longer.
func (b *bench) issue(t rapid.TB, k order.Key) {
	t.Helper()
	c, err := b.ledger.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("claim of %s: %+v %v", k, c, err)
	}
	link := ledger.Link{ID: "l" + ledger.NewNonce(), URL: "https://checkout.paymentoptions.com/l"}
	if _, err := b.ledger.Issue(ctx, c.Attempt, ledger.Issuance{Link: link}); err != nil {
		t.Fatalf("issue of %s: %v", k, err)
	}
}

func ref(i int) string { return fmt.Sprint("r", i) }
