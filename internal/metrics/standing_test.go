package metrics_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

// accept has orders accepted, from 0 on.
func (b *bench) accept(t *testing.T, merchantID string, lane order.Lane, n int) (keys []order.Key) {
	t.Helper()
	for i := range n {
		key := order.Key{MerchantID: merchantID, Ref: fmt.Sprintf("%s-%d", lane, i)}
		a, err := b.ledger.Accept(ctx, ledger.Submission{Key: key, Lane: lane, Fingerprint: order.Fingerprint{Sum: "1:x"}, Order: []byte("{}")})
		if err != nil || a.Decision != ledger.Accepted {
			t.Fatalf("%+v %v", a, err)
		}
		keys = append(keys, key)
	}
	return keys
}

func (b *bench) claim(t *testing.T, key order.Key) ledger.Attempt {
	t.Helper()
	c, err := b.ledger.Claim(ctx, key, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("%+v %v", c, err)
	}
	return c.Attempt
}

// TestWhatStandsInRedis brings orders into every state, and asks.
func TestWhatStandsInRedis(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b, rdb := open(t, "redis://"+addr, profile("M1"), profile("M2")), redistest.Client(t, addr)
		keys := b.accept(t, "M1", order.Interactive, 4)
		b.accept(t, "gone", order.Bulk, 3)
		held := b.accept(t, "M2", order.Bulk, 2)
		sending := b.claim(t, keys[0])
		if _, err := b.ledger.Release(ctx, b.claim(t, keys[1]), ledger.Return{After: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ledger.Fail(ctx, b.claim(t, keys[2]), ledger.Failure{Code: "rejected"}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ledger.Release(ctx, b.claim(t, held[0]), ledger.Return{Breaker: ledger.TripBreaker, Why: "http_401"}); err != nil {
			t.Fatal(err)
		}
		rdb.ZAdd(ctx, b.ledger.Keys().Workers(), redis.Z{Score: float64(time.Now().UnixMilli()), Member: "worker-1"})
		rdb.HSet(ctx, b.ledger.Keys().Record(sending.Key), "accepted", time.Now().Add(-time.Hour).UnixMilli())
		rdb.XAdd(ctx, &redis.XAddArgs{Stream: b.ledger.Keys().Orders(), Values: []string{"order", "{}"}})
		b.enqueue(t)

		all := scrape(t, b.Metrics)
		want(t, all, map[[2]string]float64{
			{"hpplink_redis_up", ""}:                   1,
			{"hpplink_open_orders", "interactive due"}: 1, {"hpplink_open_orders", "interactive later"}: 1,
			{"hpplink_open_orders", "interactive sending"}: 1, {"hpplink_open_orders", "interactive held"}: 0,
			{"hpplink_open_orders", "bulk due"}: 4, {"hpplink_open_orders", "bulk held"}: 1, {"hpplink_open_orders", "email due"}: 0,
			{"hpplink_merchant_open_orders", "M1"}: 3, {"hpplink_merchant_open_orders", "M2"}: 2, {"hpplink_merchant_open_orders", "other"}: 3,
			{"hpplink_failed_orders", ""}: 1, {"hpplink_failed_emails", ""}: 0, {"hpplink_workers", ""}: 1,
			{"hpplink_breaker_open", "M1"}: 0, {"hpplink_breaker_open", "M2"}: 1, {"hpplink_mail_breaker_open", "M2"}: 0,
			{"hpplink_stream_backlog", ""}:              1,
			{"hpplink_queue_tasks", "hpp-bulk pending"}: 2, {"hpplink_queue_tasks", "hpp-bulk scheduled"}: 1,
			{"hpplink_queue_tasks", "hpp-interactive pending"}: 0, {"hpplink_queue_paused", "hpp-bulk"}: 0,
		})
		if age, _ := value(all, "hpplink_oldest_open_order_age_seconds", "interactive"); age < 3590 || age > 3700 {
			t.Errorf("the oldest interactive order is %v s old, want an hour", age)
		}
		if age, _ := value(all, "hpplink_oldest_open_order_age_seconds", "email"); age != 0 {
			t.Errorf("where there is none, the oldest email is %v s old", age)
		}
		absent(t, all, "hpplink_breaker_open", "other")
		absent(t, all, "hpplink_mailer_seen_timestamp_seconds", "")
		absent(t, all, "hpplink_redis_memory_max_bytes", "")
		lint(t, all)
	})
}

func (b *bench) enqueue(t *testing.T) {
	t.Helper()
	q := queue.NewClient(b.conn.AsynqOpt(), "hpp")
	defer q.Close()
	for _, err := range q.EnqueueMany(ctx, []queue.Entry{
		{Lane: order.Bulk, TaskID: "a"}, {Lane: order.Bulk, TaskID: "b"}, {Lane: order.Bulk, TaskID: "c", In: time.Hour},
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemoryIsToldWhereRedisTells: the embedded one does not.
func TestMemoryIsToldWhereRedisTells(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		all := scrape(t, open(t, "redis://"+addr).Metrics)
		_, told := value(all, "hpplink_redis_memory_used_bytes", "")
		if real := redistest.Client(t, addr).Info(ctx, "memory").Err() == nil; told != real {
			t.Errorf("told: %v, want %v", told, real)
		}
	})
	all := scrape(t, open(t, "embedded").Metrics)
	absent(t, all, "hpplink_redis_memory_used_bytes", "")
	want(t, all, map[[2]string]float64{{"hpplink_redis_up", ""}: 1})
}

// TestRedisAway: what this process counted is still told, and soon.
func TestRedisAway(t *testing.T) {
	server := redistest.StartServer(t)
	b := open(t, "redis://"+server.Addr, profile("M1"))
	server.Kill()
	begun := time.Now()
	all := scrape(t, b.Metrics)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("a scrape took %v", took)
	}
	want(t, all, map[[2]string]float64{{"hpplink_redis_up", ""}: 0, {"hpplink_attempts_total", "M1 issued"}: 0})
	for _, name := range []string{"hpplink_open_orders", "hpplink_failed_orders", "hpplink_breaker_open", "hpplink_queue_tasks", "hpplink_workers"} {
		if all[name] != nil {
			t.Errorf("%s is there", name)
		}
	}
	server.Restart(t)
	for late := time.Now().Add(20 * time.Second); ; {
		if up, _ := value(scrape(t, b.Metrics), "hpplink_redis_up", ""); up == 1 {
			return
		}
		if time.Now().After(late) {
			t.Fatal("Redis is back, and that is not told")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestRedisThatHangs holds no scrape up, and many at once no longer than one.
func TestRedisThatHangs(t *testing.T) {
	server := redistest.StartServer(t)
	b := open(t, "redis://"+server.Addr, profile("M1"))
	if err := redistest.Client(t, server.Addr).Do(ctx, "CLIENT", "PAUSE", "4000").Err(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { want(t, scrape(t, b.Metrics), map[[2]string]float64{{"hpplink_redis_up", ""}: 0}) })
	}
	all.Wait()
	if took := time.Since(begun); took > 2500*time.Millisecond {
		t.Errorf("eight scrapes took %v", took)
	}
}
