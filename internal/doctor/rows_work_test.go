package doctor_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

var ctx = context.Background()

var workRows = []row{
	{"a queue is paused", func(t *testing.T, s *scene) {
		if err := enqueued(t, s).PauseQueue("hpp-bulk"); err != nil {
			t.Fatal(err)
		}
	}, []string{"MEND queues: queue hpp-bulk is paused, and its orders wait → resume it at /dashboard/, or with redis-cli DEL 'asynq:{hpp-bulk}:paused'"}, 1},
	{"tasks were put away", func(t *testing.T, s *scene) {
		if err := enqueued(t, s).ArchiveTask("hpp-bulk", "task"); err != nil {
			t.Fatal(err)
		}
	}, []string{"note queues: queue hpp-bulk has put 1 tasks away, which were no orders or not ours; no order is lost by that → look at them at /dashboard/, and delete them"}, 0},
	{"others keep queues there", func(t *testing.T, s *scene) { s.rdb(t).SAdd(ctx, "asynq:queues", "default", "mails", "a", "b") }, []string{
		"note queues: others keep queues in this Redis too, which take of its memory and time: a, b, default and 1 more → give hpplink a Redis of its own if that one is large or loaded",
	}, 0},
	{"orders of a merchant without a profile", func(t *testing.T, s *scene) {
		s.handIn(t, "M-GONE", "1")
		s.alive(t, cli.Version())
	}, []string{"MEND orders: M-GONE has 1 open orders, and no profile: they wait → put its profile back into the settings"}, 1},
	{"orders, and no worker", func(t *testing.T, s *scene) { s.handIn(t, "M-1001", "1", "2") }, []string{
		"MEND workers: 2 orders are open, and no worker is alive → start one: hpplink run, or hpplink run --roles worker",
	}, 1},
	{"workers of other versions", func(t *testing.T, s *scene) {
		s.alive(t, cli.Version())
		s.alive(t, "v0.9.1")
		s.alive(t, "v0.9.1")
		s.also("{version}", cli.Version())
	}, []string{"note workers: 3 are alive, not all of this version ({version}): 2 of v0.9.1 → bring all to one version"}, 0},
	{"a merchant is held", func(t *testing.T, s *scene) {
		s.alive(t, cli.Version())
		a := s.claimed(t, false)
		if _, err := s.ledger(t).Release(ctx, a, ledger.Return{Breaker: ledger.TripBreaker, Why: "misconfigured (http_401)"}); err != nil {
			t.Fatal(err)
		}
	}, []string{"MEND orders: orders of M-1001 are held since {…}: misconfigured (http_401) → mend that, and they go on by themselves"}, 1},
	{"emails that nobody sends", func(t *testing.T, s *scene) {
		s.alive(t, cli.Version())
		a := s.claimed(t, true)
		if _, err := s.ledger(t).Issue(ctx, a, ledger.Issuance{Link: ledger.Link{ID: "i", URL: "https://checkout.paymentoptions.com/x"}, Currency: "JPY"}); err != nil {
			t.Fatal(err)
		}
	}, []string{"MEND emails: 1 emails are owed, and no worker sends any → start a worker with HPPLINK_SMTP and its password"}, 1},
	{"nobody takes orders from the stream", func(t *testing.T, s *scene) {
		s.rdb(t).XAdd(ctx, &redis.XAddArgs{Stream: "{hpp}:orders", ID: fmt.Sprint(time.Now().Add(-2*time.Minute).UnixMilli(), "-1"), Values: []string{"order", "{}"}})
	}, []string{
		"MEND stream: 1 entries of {hpp}:orders wait, the first since {…}: no process with the role stream takes them → start one: hpplink run, or hpplink run --roles stream",
	}, 1},
	{"a rate that is not reached", func(t *testing.T, s *scene) { s.env["RATE"] = "500" }, []string{
		"note rate: M-1001: 500 calls a second are not reached by 0 worker(s) with 50 calls at once in a lane, if a call takes a second → start 10 workers, or raise HPPLINK_CONCURRENCY and the merchant's concurrency",
	}, 0},
}

func (s *scene) rdb(t *testing.T) *redis.Client { return redistest.Client(t, s.redis) }

func (s *scene) ledger(t *testing.T) *ledger.Ledger { return ledger.New(s.rdb(t), "hpp", 0) }

// alive has a worker of a version give a sign of life.
func (s *scene) alive(t *testing.T, version string) {
	t.Helper()
	id := ledger.WorkerID("host", 1, version)
	if _, err := s.ledger(t).ForWorker(id).Pulse().Beat(ctx); err != nil {
		t.Fatal(err)
	}
}

// enqueued leaves a task in a queue.
func enqueued(t *testing.T, s *scene) *asynq.Inspector {
	t.Helper()
	opt := asynq.RedisClientOpt{Addr: s.redis}
	client := asynq.NewClient(opt)
	defer client.Close()
	if _, err := client.Enqueue(asynq.NewTask("newsletter:send", nil), asynq.Queue("hpp-bulk"), asynq.TaskID("task")); err != nil {
		t.Fatal(err)
	}
	inspector := asynq.NewInspector(opt)
	t.Cleanup(func() { inspector.Close() })
	return inspector
}

func orderOf(merchantID, ref, more string) string {
	return fmt.Sprintf(`{"merchant_id":%q,"merchant_txn_ref":%q,"merchant_email":"shop@sakura.co.jp","amount":1,"currency":"JPY",`+
		`"return_url":{"success_url":"https://sakura.co.jp/ok"},"payment_method":{"type":"scheme"},"billing_address":{"country":"JP"}%s}`, merchantID, ref, more)
}

// handIn hands orders in, as from the shell.
func (s *scene) handIn(t *testing.T, merchantID string, refs ...string) {
	t.Helper()
	t.Setenv("HPPLINK_REDIS", "redis://"+s.redis)
	for _, ref := range refs {
		var said bytes.Buffer
		streams := cli.Streams{In: strings.NewReader(orderOf(merchantID, ref, "")), Out: &said, Err: &said}
		if code := cli.Run(ctx, []string{"enqueue", "-"}, streams); code != 0 {
			t.Fatal(said.String())
		}
	}
}

// claimed has a worker hold an order.
func (s *scene) claimed(t *testing.T, mail bool) ledger.Attempt {
	t.Helper()
	l, key := s.ledger(t), order.Key{MerchantID: "M-1001", Ref: "1"}
	if _, err := l.Accept(ctx, ledger.Submission{Key: key, Lane: order.Interactive, Order: []byte("{}"), Mail: mail}); err != nil {
		t.Fatal(err)
	}
	c, err := l.Claim(ctx, key, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("%+v %v", c, err)
	}
	return c.Attempt
}
