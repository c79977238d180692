package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const ns = "hpp"

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

// bench is one namespace of one Redis.
type bench struct {
	rdb    *redis.Client
	ledger *ledger.Ledger
	queue  *queue.Client
}

func newBench(t *testing.T, addr string) *bench {
	t.Helper()
	conn, err := redisconn.Open(ctx, "redis://"+addr, quiet)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{rdb: redistest.Client(t, addr), ledger: ledger.New(conn.Client(), ns, 0), queue: queue.NewClient(conn.AsynqOpt(), ns)}
	t.Cleanup(func() {
		b.queue.Close()
		conn.Close()
	})
	return b
}

func each(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) { f(t, newBench(t, addr)) })
}

func (b *bench) door(m *merchant.Directory) *intake.Door {
	return intake.New(partition.Single(b.ledger), b.queue, m, quiet)
}

// shop is a merchant whose orders need not bring more than a ref and a currency.
func shop(id string) merchant.Profile {
	u, _ := url.Parse("https://api.paymentoptions.com/api/v1")
	return merchant.Profile{
		ID: id, GatewayURL: u, APIKey: merchant.NewSecret("k"), XAPIKey: merchant.NewSecret("x"),
		Defaults: order.Defaults{
			MerchantEmail: "shop@shop.example", BillingCountry: "JP",
			ReturnURL: []byte(`{"cancel_url":"https://shop.example/no"}`), PaymentMethod: []byte(`{"type":"scheme"}`),
		},
	}
}

func shops(profiles ...merchant.Profile) *merchant.Directory {
	return merchant.NewDirectory(profiles...)
}

// full is an order that brings everything.
var full = map[string]any{
	"merchant_id": "M1", "merchant_txn_ref": "r", "currency": "JPY", "amount": 1000, "merchant_email": "shop@shop.example",
	"return_url": map[string]any{"cancel_url": "https://shop.example/no"}, "payment_method": map[string]any{"type": "scheme"},
	"billing_address": map[string]any{"country": "JP"},
}

// with returns fields with others in their place, given as pairs of name and value; nil leaves one out.
func with(fields map[string]any, pairs ...any) []byte {
	fields = maps.Clone(fields)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(fields, pairs[i].(string))
		} else {
			fields[pairs[i].(string)] = pairs[i+1]
		}
	}
	data, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return data
}

var short = map[string]any{"merchant_txn_ref": "r", "currency": "JPY"}

func submit(t *testing.T, d *intake.Door, data ...[]byte) []intake.Receipt {
	t.Helper()
	events := make([]intake.Event, len(data))
	for i := range data {
		events[i] = intake.Event{JSON: data[i], Lane: order.Interactive}
	}
	return d.Submit(ctx, events)
}

func statuses(receipts []intake.Receipt) []intake.Status {
	all := make([]intake.Status, len(receipts))
	for i, r := range receipts {
		all[i] = r.Status
	}
	return all
}

func wantStatuses(t *testing.T, receipts []intake.Receipt, want ...intake.Status) {
	t.Helper()
	if got := statuses(receipts); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q: %+v", got, want, receipts)
	}
}

// kept is the order that a worker will be given.
func (b *bench) kept(t *testing.T, k order.Key) *order.Order {
	t.Helper()
	c, err := b.ledger.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("claim of %s: %+v %v", k, c, err)
	}
	o, err := order.Decode(c.Attempt.Order)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (b *bench) issue(t *testing.T, k order.Key) {
	t.Helper()
	c, err := b.ledger.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("claim of %s: %+v %v", k, c, err)
	}
	link := ledger.Link{ID: "l" + ledger.NewNonce(), URL: "https://checkout.paymentoptions.com/l"}
	if s, err := b.ledger.Issue(ctx, c.Attempt, ledger.Issuance{Link: link}); err != nil || s != ledger.SettledIssued {
		t.Fatalf("issue of %s: %s %v", k, s, err)
	}
}

// tasks returns the ids of the lane's tasks, sorted.
func (b *bench) tasks(lane order.Lane) []string {
	ids := b.rdb.LRange(ctx, "asynq:{"+queue.Name(ns, lane)+"}:pending", 0, -1).Val()
	slices.Sort(ids)
	return ids
}

var keyR = order.Key{MerchantID: "M1", Ref: "r"}

func TestMerchantFillsInWhatIsLeftOut(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		receipts := submit(t, b.door(shops(shop("M1"), shop("M2"))), with(short, "merchant_id", "M1"))
		wantStatuses(t, receipts, intake.Accepted)
		want, err := order.Decode(with(full, "amount", nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want.Encode()), string(b.kept(t, keyR).Encode())); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOrderThatNamesNoMerchant(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		one := b.door(shops(shop("M1")))
		receipts := submit(t, one, with(short), with(short, "merchant_id", "M1"))
		wantStatuses(t, receipts, intake.Accepted, intake.Known)
		if receipts[0].Key != keyR || b.kept(t, keyR).MerchantID != "M1" {
			t.Errorf("%+v", receipts[0])
		}
		two := submit(t, b.door(shops(shop("M1"), shop("M2"))), with(short))
		wantStatuses(t, two, intake.Rejected)
		if !slices.Contains(fieldsOf(two[0].Problems), "/merchant_id") {
			t.Errorf("%+v", two[0].Problems)
		}
	})
}

func fieldsOf(problems []order.Problem) []string {
	var fields []string
	for _, p := range problems {
		fields = append(fields, p.Field)
	}
	slices.Sort(fields)
	return fields
}

func TestAllProblemsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		mail := map[string]any{"email": map[string]any{"to": "a@b.example"}}
		for name, test := range map[string]struct {
			directory *merchant.Directory
			json      []byte
			key       order.Key
			fields    []string
		}{
			"nothing readable":     {shops(shop("M1")), []byte("{"), order.Key{}, []string{""}},
			"unknown merchant":     {shops(shop("M1")), with(full, "merchant_id", "M9"), order.Key{MerchantID: "M9", Ref: "r"}, []string{"/merchant_id"}},
			"delivery not set up":  {shops(shop("M1")), with(full, "delivery", mail), keyR, []string{"/delivery/email"}},
			"delivery to nobody":   {shops(shop("M1")), with(full, "delivery", map[string]any{}), keyR, []string{"/delivery/email"}},
			"merchant id no text":  {shops(shop("M1")), with(full, "merchant_id", 7), keyR, []string{"/merchant_id"}},
			"everything":           {shops(shop("M1")), with(full, "merchant_id", "M9", "currency", "YEN", "amount", "-1", "delivery", mail, "metadata", 1), order.Key{MerchantID: "M9", Ref: "r"}, []string{"/amount", "/currency", "/delivery/email", "/merchant_id", "/metadata"}},
			"no directory":         {nil, with(short, "merchant_id", "M1", "delivery", mail), keyR, []string{"/billing_address", "/delivery/email", "/merchant_email", "/payment_method", "/return_url"}},
			"no directory, no id":  {nil, with(full, "merchant_id", nil), order.Key{Ref: "r"}, []string{"/merchant_id"}},
			"an empty directory":   {shops(), with(full, "merchant_id", nil), order.Key{Ref: "r"}, []string{"/merchant_id"}},
			"unknown here, though": {shops(), with(full), keyR, []string{"/merchant_id"}},
		} {
			t.Run(name, func(t *testing.T) {
				r := submit(t, b.door(test.directory), test.json)
				wantStatuses(t, r, intake.Rejected)
				if got := fieldsOf(r[0].Problems); !slices.Equal(got, test.fields) || r[0].Key != test.key || r[0].Err != nil {
					t.Errorf("%q about %+v, want %q; %v", got, r[0].Key, test.fields, r[0].Err)
				}
			})
		}
		if n := b.rdb.DBSize(ctx).Val(); n != 0 {
			t.Errorf("refused orders left %d keys", n)
		}
	})
}

func TestDoorWithoutADirectory(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		wantStatuses(t, submit(t, b.door(nil), with(full), with(full, "merchant_id", "M9")), intake.Accepted, intake.Accepted)
		if o := b.kept(t, keyR); o.Amount != "1000" {
			t.Errorf("%+v", o)
		}
	})
}

func TestChangedDefaultMakesNoConflict(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		before, after := shop("M1"), shop("M1")
		after.Defaults.MerchantEmail, after.Defaults.BillingCountry = "new@shop.example", "DE"
		wantStatuses(t, submit(t, b.door(shops(before)), with(short)), intake.Accepted)
		wantStatuses(t, submit(t, b.door(shops(after)), with(short)), intake.Known)
		if o := b.kept(t, keyR); o.MerchantEmail != "shop@shop.example" {
			t.Errorf("the order changed under way: %s", o.Encode())
		}
	})
}

func TestOneSubmitOfMany(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		receipts := b.door(shops(shop("M1"))).Submit(ctx, []intake.Event{
			{JSON: with(short), Lane: order.Interactive},
			{JSON: []byte("{"), Lane: order.Interactive},
			{JSON: with(short), Lane: order.Bulk},
			{JSON: with(short, "amount", 5), Lane: order.Interactive},
			{JSON: with(short, "merchant_txn_ref", "s"), Lane: order.Bulk},
		})
		wantStatuses(t, receipts, intake.Accepted, intake.Rejected, intake.Known, intake.Conflict, intake.Accepted)
		if got := receipts[3]; !slices.Equal(got.Differs, []string{"amount"}) || got.Record.State != ledger.Queued || got.Generation != 1 {
			t.Errorf("%+v", got)
		}
		for lane, ref := range map[order.Lane]string{order.Interactive: "r", order.Bulk: "s"} {
			ids := b.tasks(lane)
			if len(ids) != 1 {
				t.Fatalf("%s has tasks %q", lane, ids)
			}
			k, _ := ledger.KeyOfTask(ids[0])
			payload := b.rdb.HGet(ctx, "asynq:{"+queue.Name(ns, lane)+"}:t:"+ids[0], "msg").Val()
			if want := (order.Key{MerchantID: "M1", Ref: ref}); k != want || !strings.Contains(payload, string(want.Reference())) {
				t.Errorf("%s: task %q of %+v holds %q", lane, ids[0], k, payload)
			}
		}
	})
}

func TestNothingToSubmit(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		if r := b.door(nil).Submit(ctx, nil); len(r) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestReissue(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		d := b.door(shops(shop("M1")))
		again := intake.Event{JSON: with(short, "amount", 7), Lane: order.Interactive, Reissue: true}
		wantStatuses(t, d.Submit(ctx, []intake.Event{again}), intake.Accepted) // nothing to follow yet: the first
		b.issue(t, keyR)

		receipts := d.Submit(ctx, []intake.Event{again, again})
		wantStatuses(t, receipts, intake.Accepted, intake.Known)
		if receipts[0].Generation != 2 || receipts[1].Generation != 2 || len(b.tasks(order.Interactive)) != 2 {
			t.Errorf("%+v, tasks %q", receipts, b.tasks(order.Interactive))
		}
		wantStatuses(t, d.Submit(ctx, []intake.Event{again}), intake.Known) // while it is open
		b.issue(t, keyR)

		changed := again
		changed.JSON = with(short, "amount", 8)
		plain := intake.Event{JSON: with(short, "amount", 9), Lane: order.Interactive}
		receipts = d.Submit(ctx, []intake.Event{plain, changed})
		wantStatuses(t, receipts, intake.Conflict, intake.Accepted)
		if o := b.kept(t, keyR); receipts[1].Generation != 3 || o.Amount != "8" {
			t.Errorf("%+v, %s", receipts[1], o.Encode())
		}
	})
}

func TestAcceptedThoughNotEnqueued(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.queue.Close()
		wantStatuses(t, submit(t, b.door(shops(shop("M1"))), with(short)), intake.Accepted)
		queued := b.ledger.Keys().Queued(order.Interactive)
		past := redis.Z{Score: float64(time.Now().Add(-time.Minute).UnixMilli()), Member: keyR.String()}
		if n := b.rdb.ZAdd(ctx, queued, past).Val(); n != 0 || len(b.tasks(order.Interactive)) != 0 {
			t.Fatalf("the order was not open, or has a task")
		}
		due, err := b.ledger.Due(ctx, order.Interactive, ledger.Waiting{Empty: true}, 10)
		if err != nil || len(due) != 1 || due[0].Key != keyR {
			t.Errorf("for the reaper: %+v %v", due, err)
		}
	})
}

func TestRedisAway(t *testing.T) {
	away := func(t *testing.T, b *bench) {
		receipts := b.door(shops(shop("M1"))).Submit(ctx, []intake.Event{
			{JSON: with(short), Lane: order.Bulk}, {JSON: []byte("["), Lane: order.Bulk}, {JSON: with(short), Lane: order.Bulk, Reissue: true},
		})
		wantStatuses(t, receipts, intake.Unknown, intake.Rejected, intake.Unknown)
		if receipts[0].Err == nil || receipts[2].Err == nil || receipts[0].Key != keyR {
			t.Errorf("%+v", receipts)
		}
	}
	t.Run("miniredis", func(t *testing.T) {
		server := redistest.Mini(t)
		b := newBench(t, server.Addr())
		server.Close()
		away(t, b)
	})
	t.Run("redis", func(t *testing.T) {
		server := redistest.StartServer(t, "--appendonly", "yes")
		b := newBench(t, server.Addr)
		server.Kill()
		away(t, b)
		server.Restart(t)
		wantStatuses(t, submit(t, b.door(shops(shop("M1"))), with(short)), intake.Accepted)
	})
}

func TestTooMuchOpen(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		tight := shop("M1")
		tight.MaxOpen = 1
		d := b.door(shops(tight, shop("M2")))
		receipts := submit(t, d, with(short, "merchant_id", "M1"), with(short, "merchant_id", "M1", "merchant_txn_ref", "s"),
			with(short, "merchant_id", "M2", "merchant_txn_ref", "s"), with(short, "merchant_id", "M1"))
		wantStatuses(t, receipts, intake.Accepted, intake.Full, intake.Accepted, intake.Known)
		b.issue(t, keyR)
		wantStatuses(t, submit(t, d, with(short, "merchant_id", "M1", "merchant_txn_ref", "s")), intake.Accepted)
		if n := len(b.tasks(order.Interactive)); n != 3 {
			t.Errorf("%d tasks", n)
		}
	})
}

func TestTry(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		d := b.door(shops(shop("M1")))
		wantStatuses(t, submit(t, d, with(short)), intake.Accepted)
		before := b.rdb.DBSize(ctx).Val()
		wantStatuses(t, d.Try(ctx, []intake.Event{
			{JSON: with(short), Lane: order.Bulk}, {JSON: with(short, "amount", 5), Lane: order.Bulk}, {JSON: []byte("["), Lane: order.Bulk},
			{JSON: with(short, "merchant_txn_ref", "new"), Lane: order.Bulk, Batch: "b"},
		}), intake.Known, intake.Conflict, intake.Rejected, intake.Accepted)
		if after := b.rdb.DBSize(ctx).Val(); after != before || len(b.tasks(order.Bulk)) != 0 {
			t.Errorf("it left %d keys where %d were", after, before)
		}
	})
}

func TestReplay(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		d := b.door(shops(shop("M1")))
		wantStatuses(t, submit(t, d, with(short)), intake.Accepted)
		if _, err := d.Replay(ctx, keyR, 1); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("of an open order: %v", err)
		}
		c, err := b.ledger.Claim(ctx, keyR, ledger.NewNonce(), time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.ledger.Fail(ctx, c.Attempt, ledger.Failure{Code: "rejected"}); err != nil {
			t.Fatal(err)
		}
		generation, err := d.Replay(ctx, keyR, 1)
		if err != nil || generation != 2 || len(b.tasks(order.Interactive)) != 2 {
			t.Errorf("generation %d, %v, tasks %q", generation, err, b.tasks(order.Interactive))
		}
	})
}
