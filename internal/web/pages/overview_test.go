package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/net/html"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestOverviewOfNothing(t *testing.T) {
	each(t, func(b *bench) {
		b.get("/orders").want(http.StatusOK).says("No worker is running, and nothing waits for one.")
		b.alive()
		b.fresh("/orders").want(http.StatusOK).says("Nothing waits: no order is open.", "What needs you Nothing.")
	})
}

func TestOverviewOfAMerchantThatIsNotServed(t *testing.T) {
	each(t, func(b *bench) {
		b.alive()
		b.submit(key("a"), key("b"), order.Key{MerchantID: "M-2002", Ref: "c"})
		b.release(key("a"), unauthorized)
		if c, err := b.ledger.Claim(ctx, key("b"), ledger.NewNonce(), time.Minute, nil); err != nil || c.Grant != ledger.HeldByBreaker {
			t := b.t
			t.Fatal(c, err)
		}
		a := b.get("/orders").want(http.StatusOK)
		a.says("Orders wait: the gateway answers 401 for M-1001 since", "; 2 held.", "API key …a1f3, x-api-key …77b0", "SIGHUP", "20 a second", "…a1f3")
		a.saysNot(apiKey, xAPIKey, private)
		if tables := rowsOf(a.body); tables["Interactive"]["Held"] != "2" || tables["Interactive"]["Queued"] != "1" || tables["M-1001"]["Open"] != "2" || tables["M-2002"]["Open"] != "1" {
			b.t.Errorf("%v", tables)
		}
	})
}

func TestOverviewOfFailures(t *testing.T) {
	each(t, func(b *bench) {
		b.alive()
		for i := range 3 {
			b.fail(key(fmt.Sprint("r", i)), refused)
		}
		b.fail(key("m"), ledger.Failure{Code: ledger.CodePossiblyIssued, Message: "known (http_409)", Asked: true, Uncertain: true})
		a := b.fresh("/orders").says("3 orders failed with rejected in the last hour", "1 order failed with possibly_issued", "Look there first")
		if rows := rowsOf(a.body); rows["rejected"]["Listed"] != "3" || rows["possibly_issued"]["Last hour"] != "1" {
			b.t.Errorf("%v", rows)
		}
		b.get("/orders").says("Failed 4")
	})
}

func TestOverviewListsMerchantsInTroubleFirstAndNotAll(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), false)
	for i := range 30 {
		b.submit(order.Key{MerchantID: fmt.Sprintf("X-%02d", i), Ref: "r"})
	}
	k := order.Key{MerchantID: "X-29", Ref: "r"}
	b.release(k, unauthorized)
	a := b.get("/orders").says("20 more merchants").saysNot("X-20")
	if at := strings.Index(a.body, ">X-29<"); at < 0 || at > strings.Index(a.body, ">X-00<") {
		t.Error("the troubled one is not the first")
	}
	b.get("/orders?merchants=all").says("X-20").saysNot("more merchants")
}

// TestPartIsWhatChanges: a page fetches it again and again.
func TestPartIsWhatChanges(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), false)
	b.submit(key("a"))
	for _, path := range []string{"/orders", "/orders?merchants=all", "/orders/minutes", "/orders/batches", orderPath(key("a"))} {
		page := b.get(path).want(http.StatusOK)
		live := byID(page.body, "live")
		if live == nil {
			t.Fatalf("%s has no changing part", path)
		}
		for n := range live.ChildNodes() {
			if n.Type == html.ElementNode && (n.Data != "section" && n.Data != "p" || n.Data == "section" && attribute(n, "id") == "") {
				t.Errorf("%s: %s can not be replaced by itself", path, render(n))
			}
		}
		part := b.get(attribute(live, "data-from")).want(http.StatusOK)
		if strings.Contains(part.body, "<html") || attribute(byID(part.body, "live"), "data-page") != attribute(live, "data-page") || attribute(live, "data-page") == "" {
			t.Errorf("the part of %s is %.300s", path, part.body)
		}
		if !strings.Contains(page.body, `<noscript><meta http-equiv="refresh"`) {
			t.Errorf("without script %s stands still", path)
		}
	}
}

// counter counts what Redis is asked.
type counter struct{ commands atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.commands.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.commands.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

// during returns how many commands f costs.
func (b *bench) during(c *counter, f func()) int64 {
	before := c.commands.Load()
	f()
	return c.commands.Load() - before
}

func (b *bench) counting() *counter {
	c := &counter{}
	b.rdb.AddHook(c)
	return c
}

func TestOverviewCostsTheSameHoweverManyAreOpen(t *testing.T) {
	b := newBench(t, redistest.Server(t), false)
	b.submitMany(0, 100)
	c := b.counting()
	look := func() int64 { return b.during(c, func() { b.fresh("/orders").want(http.StatusOK) }) }
	few := look()
	b.submitMany(100, 20_000)
	begun := time.Now()
	many := look()
	if many != few || many > 150 {
		t.Errorf("%d commands with 100 open orders, %d with 20,000", few, many)
	}
	t.Logf("%d commands in %v", many, time.Since(begun))
}

func (b *bench) submitMany(from, to int) {
	b.t.Helper()
	for ; from < to; from += 1000 {
		var all []ledger.Submission
		for i := from; i < min(from+1000, to); i++ {
			k := key(fmt.Sprint("many-", i))
			all = append(all, ledger.Submission{Key: k, Lane: order.Bulk, Fingerprint: order.Fingerprint{Sum: "1:x", Fields: "acEUR"}, Order: payload(k)})
		}
		_, errs := b.ledger.AcceptAll(ctx, all)
		for _, err := range errs {
			if err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// Failures are counted by looking at them, so at most at the latest thousand.
func TestOverviewLooksAtSoManyFailuresOnly(t *testing.T) {
	b := newBench(t, redistest.Server(t), false)
	b.failMany(1005)
	c := b.counting()
	look := func() int64 { return b.during(c, func() { b.fresh("/orders").want(http.StatusOK) }) }
	before := look()
	b.get("/orders").says("Of the latest 1,000", "Failed 1,005")
	b.failMany(200, "more")
	if after := look(); after != before {
		t.Errorf("%d commands, then %d", before, after)
	}
}

func (b *bench) failMany(n int, prefix ...string) {
	b.t.Helper()
	for i := range n {
		b.fail(key(strings.Join(prefix, "")+fmt.Sprint("f", i)), refused)
	}
}

// TestManyOpenPagesCostAsMuchAsOne: all of them are shown what was read for the first, for a second or two.
func TestManyOpenPagesCostAsMuchAsOne(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), false)
	c := b.counting()
	one := b.during(c, func() { b.fresh("/orders") })
	b.pages.Forget()
	many := b.during(c, func() {
		var pages sync.WaitGroup
		for range 50 {
			pages.Go(func() { b.get("/orders?part=live") })
		}
		pages.Wait()
	})
	if many > one {
		t.Errorf("one page costs %d commands, 50 cost %d", one, many)
	}
}

func TestRedisAway(t *testing.T) {
	server := redistest.StartServer(t)
	b := newBench(t, server.Addr, true)
	b.submit(key("a"))
	server.Kill()
	for _, path := range []string{
		"/orders", "/orders?part=live", "/orders/minutes", "/orders/failed", "/orders/failed?list=emails&code=x", "/orders/failed/replay?code=x", "/orders/find?q=a",
		"/orders/batches", "/orders/batches/x", "/orders/surplus", orderPath(key("a")),
	} {
		a := b.fresh(path).want(http.StatusServiceUnavailable)
		a.says("Redis does not answer", server.Addr, "connection refused", "HPPLINK_REDIS", "by itself")
	}
	b.post("/orders/replay", "key", key("a").String(), "generation", "1").want(http.StatusServiceUnavailable).says("Redis does not answer")
	b.post("/orders/failed/replay", "code", "rejected", "cutoff", "1").want(http.StatusServiceUnavailable).says("Redis does not answer")
	server.Restart(t)
	b.fresh("/orders").want(http.StatusOK)
}

func TestNoSuchPage(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), false)
	b.get("/orders/nowhere").want(http.StatusNotFound).says("No such page")
	b.get("/orders/order/nokey").want(http.StatusNotFound)
	if a := b.get("/orders/").want(http.StatusMovedPermanently); a.to != "/orders" {
		t.Error(a.to)
	}
}
