package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestDashboardsPageNeedsNothingFromElsewhere(t *testing.T) {
	b := newBench(t, withToken)
	cookies := b.logIn(secret)
	a := b.get("/dashboard/", cookies...).want(http.StatusOK)
	a.has(`href="/assets/roboto/roboto.css"`, `src="/assets/dashboard/dashboard.js"`, `window.FLAG_PROMETHEUS_SERVER_ADDRESS=""`).
		hasNot("http:", "https:", `"//`, "manifest", "NONCE")
	nonce := regexp.MustCompile(`<meta property="csp-nonce" content="([A-Z0-9]{26})"/>`).FindStringSubmatch(a.body)
	if nonce == nil || strings.Count(a.header.Get("Content-Security-Policy"), "'nonce-"+nonce[1]+"'") != 2 || strings.Count(a.body, `<script nonce="`+nonce[1]+`">`) != 2 {
		t.Errorf("%q %s", nonce, a.body)
	}
	if again := b.get("/dashboard/queues/x", cookies...).has("csp-nonce"); strings.Contains(again.body, nonce[1]) {
		t.Error("two pages have one nonce")
	}
	for _, loaded := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		if loaded[1] != "/orders" {
			b.get(loaded[1], cookies...).want(http.StatusOK).hasNot("<!doctype html>")
		}
	}
}

func TestDashboardsFilesHaveTheirTypes(t *testing.T) {
	b := newBench(t, withToken)
	cookies := b.logIn(secret)
	for path, kind := range map[string]string{
		"/dashboard/": "text/html; charset=utf-8",
		"/dashboard/static/js/main.5adda2da.chunk.js":      "text/javascript; charset=utf-8",
		"/dashboard/static/media/logo-color.c2b0c1f3.svg":  "image/svg+xml",
		"/dashboard/favicon.ico":                           "image/x-icon",
		"/dashboard/favicon-32x32.png":                     "image/png",
		"/dashboard/asset-manifest.json":                   "application/json",
		"/dashboard/static/js/main.5adda2da.chunk.js.map":  "application/json",
		"/dashboard/api/queues":                            "application/json",
		"/assets/roboto/roboto.woff2":                      "font/woff2",
		"/assets/roboto/roboto.css":                        "text/css; charset=utf-8",
		"/assets/roboto/OFL.txt":                           "text/plain; charset=utf-8",
		"/dashboard/../../../../etc/passwd":                "",
		"/dashboard/static/media/..%2f..%2f..%2findex.htm": "",
	} {
		a := b.get(path, cookies...)
		if got := a.header.Get("Content-Type"); kind != "" && (a.status != http.StatusOK || got != kind) {
			t.Errorf("%s: %d %q, want %q", path, a.status, got, kind)
		}
		a.hasNot("root:x:")
	}
	a := b.get("/dashboard/static/js/main.5adda2da.chunk.js", cookies...)
	b.do(request{method: http.MethodGet, path: "/dashboard/static/js/main.5adda2da.chunk.js", cookies: cookies, header: map[string]string{"If-None-Match": a.header.Get("ETag")}}).
		want(http.StatusNotModified)
	b.get("/dashboard/api/metrics?duration=60&endtime=1", cookies...).want(http.StatusNotFound)
	if a := b.get("/dashboard/api/queues/none", cookies...); a.status == http.StatusOK || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

// TestRegressionLookingIsNoFetching: a client that fetched tasks ahead took asynq's script that counts a queue for the one that
// takes from it.
func TestRegressionLookingIsNoFetching(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t), withToken)
	b.submit("r1", order.Interactive)
	b.submit("r2", order.Bulk)
	cookies := b.logIn(secret)
	for range 20 {
		if a := b.get("/dashboard/api/queues", cookies...).want(http.StatusOK); strings.Count(a.body, `"size":1,`) != 2 {
			t.Fatal(a.body)
		}
	}
	taskID(t, b, "r1")
}

func TestRedisPage(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := newBenchAt(t, addr, withToken)
		a := b.get("/dashboard/api/redis_info", b.logIn(secret)...)
		if strings.HasSuffix(t.Name(), "/redis") {
			a.want(http.StatusOK).has(`"redis_version":"`, addr)
		} else {
			a.want(http.StatusNotImplemented).has("tells nothing about itself")
		}
	})
}

// TestDashboardShowsNoPersonalData enqueues what people send, and what they should not.
func TestDashboardShowsNoPersonalData(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		b := newBenchAt(t, addr, withToken)
		b.submit("r1", order.Bulk)
		client := asynq.NewClient(asynq.RedisClientOpt{Addr: addr})
		defer client.Close()
		put := func(id, kind, payload string) {
			t.Helper()
			if _, err := client.Enqueue(asynq.NewTask(kind, []byte(payload)), asynq.Queue("hpp-bulk"), asynq.TaskID(id)); err != nil {
				t.Fatal(err)
			}
		}
		put("full", "link:generate", event("r-full"))
		put("astray", "link:generate", `{"merchant_txn_ref":"r-astray","`+private+`":"`+private+`","currency":"`+private+`"}`)
		put("no-order", "link:generate", `["`+private+`"]`)
		put("no-json", "link:email", private)
		put("foreign", "newsletter:send", `{"merchant_id":"M1","merchant_txn_ref":"`+private+`"}`)
		put("empty", "link:generate", "")
		cookies := b.logIn(secret)
		list := b.get("/dashboard/api/queues/hpp-bulk/pending_tasks?page=1&size=50", cookies...).want(http.StatusOK)
		list.hasNot(private).has(`\"merchant_txn_ref\":\"r1\"`, `\"merchant_txn_ref\":\"r-full\"`, `\"amount\":1000`, `\"billing_address\":\"***\"`, "not shown: 0 bytes", "not shown: 16 bytes")
		for _, id := range []string{"full", "astray", "no-order", "no-json", "foreign", "empty"} {
			b.get("/dashboard/api/queues/hpp-bulk/tasks/"+id, cookies...).want(http.StatusOK).hasNot(private)
		}
	})
}

// TestTasksAreFoundByTheirIDs asks as asynqmon's page does, which takes an id through decodeURI and leaves the rest to the browser.
func TestTasksAreFoundByTheirIDs(t *testing.T) {
	b := newBench(t, withToken, writable)
	cookies := b.logIn(secret)
	for ref, sent := range map[string]string{
		"plain-1": "plain-1", "a/b": "a%2Fb", "ü": "%C3%BC", "注文 1": "%E6%B3%A8%E6%96%87%201", "a:b": "a%3Ab", "q?x=1&y": "q%3Fx%3D1%26y", "it's!": "it's!", "(1)*~": "(1)*~",
	} {
		b.submit(ref, order.Interactive)
		id := taskID(t, b, ref)
		stamp := id[strings.LastIndexByte(id, ':'):]
		b.get("/dashboard/api/queues/hpp-interactive/tasks/M1:"+sent+stamp, cookies...).want(http.StatusOK).has(`"id":"` + id + `"`)
		b.do(request{method: http.MethodPost, path: "/dashboard/api/queues/hpp-interactive/pending_tasks/M1:" + sent + stamp + ":archive", browser: true, cookies: cookies}).
			want(http.StatusNoContent)
	}
}

func taskID(t *testing.T, b *bench, ref string) string {
	t.Helper()
	key := order.Key{MerchantID: "M1", Ref: ref}.String()
	ids, err := b.rdb.LRange(ctx, "asynq:{hpp-interactive}:pending", 0, -1).Result()
	if err != nil || len(ids) != 1 || !strings.HasPrefix(ids[0], key+":") {
		t.Fatalf("%q %v, want %s", ids, err, key)
	}
	return ids[0]
}
