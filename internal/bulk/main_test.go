package bulk_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const ns = "hpp"

var ctx = context.Background()

// tb is what helpers need of a test, or of a property.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// bench is a desk at one namespace of one Redis.
type bench struct {
	*bulk.Desk
	rdb *redis.Client
	dir string
}

func newBench(t testing.TB, addr string, shops ...merchant.Profile) *bench {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	conn, err := redisconn.Open(ctx, "redis://"+addr, quiet)
	if err != nil {
		t.Fatal(err)
	}
	q := queue.NewClient(conn.AsynqOpt(), ns)
	t.Cleanup(func() {
		q.Close()
		conn.Close()
	})
	if len(shops) == 0 {
		shops = []merchant.Profile{shop("M1")}
	}
	l := ledger.New(conn.Client(), ns, 0)
	return &bench{
		Desk: &bulk.Desk{Ledger: partition.Single(l), Door: intake.New(partition.Single(l), q, merchant.NewDirectory(shops...), quiet)},
		rdb:  redistest.Client(t, addr), dir: t.TempDir(),
	}
}

func each(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) { f(t, newBench(t, addr)) })
}

// shop is a merchant whose orders need not bring more than a ref and a currency.
func shop(id string) merchant.Profile {
	return merchant.Profile{ID: id, Defaults: order.Defaults{
		MerchantEmail: "shop@shop.example", BillingCountry: "JP",
		ReturnURL: []byte(`{"cancel_url":"https://shop.example/no"}`), PaymentMethod: []byte(`{"type":"scheme"}`),
	}}
}

// file writes a file and returns it as an input.
func (b *bench) file(t tb, name string, lines ...string) *bulk.Input {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &bulk.Input{Path: path}
}

func (b *bench) plan(t tb, in *bulk.Input) *bulk.Plan {
	t.Helper()
	p, err := b.Plan(ctx, in, bulk.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send plans and sends a file.
func (b *bench) send(t tb, in *bulk.Input, retry bulk.Retry) (*bulk.Plan, ledger.Batch) {
	t.Helper()
	p := b.plan(t, in)
	batch, err := b.Send(ctx, in, p, retry, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, batch
}

func key(ref string) order.Key { return order.Key{MerchantID: "M1", Ref: ref} }

func (b *bench) claim(t tb, ref string) ledger.Attempt {
	t.Helper()
	c, err := b.Ledger.Home().Claim(ctx, key(ref), ledger.NewNonce(), 60e9, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("claim of %s: %+v %v", ref, c, err)
	}
	return c.Attempt
}

func (b *bench) issue(t tb, ref string) {
	t.Helper()
	link := ledger.Link{ID: "L-" + ref, URL: "https://checkout.paymentoptions.com/" + ref}
	if s, err := b.Ledger.Home().Issue(ctx, b.claim(t, ref), ledger.Issuance{Link: link}); err != nil || s != ledger.SettledIssued {
		t.Fatalf("issue of %s: %s %v", ref, s, err)
	}
}

func (b *bench) fail(t tb, ref string, f ledger.Failure) {
	t.Helper()
	if _, err := b.Ledger.Home().Fail(ctx, b.claim(t, ref), f); err != nil {
		t.Fatal(err)
	}
}

// result writes the result of a file beside it and returns its lines, without the byte order mark.
func (b *bench) result(t tb, in *bulk.Input, p *bulk.Plan) (bulk.Result, []string) {
	t.Helper()
	path := p.ResultPath(in.Path)
	r, err := b.WriteResult(ctx, in, p, path, p.Info.Format)
	if err != nil {
		t.Fatal(err)
	}
	return r, readLines(t, path)
}

func readLines(t tb, path string) (lines []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, strings.TrimPrefix(strings.TrimSuffix(s.Text(), "\r"), "\ufeff"))
	}
	return lines
}

// rows are as many orders as asked for.
func rows(n int) []string {
	lines := []string{"ref,amount,currency"}
	for i := range n {
		lines = append(lines, fmt.Sprintf("INV-%05d,%d,JPY", i, 1000+i))
	}
	return lines
}
