package hostile_test

import (
	"encoding/json"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/merchant"
)

// TestNothingLeaks has all that is planted go through good, bad and failing orders, and through requests, settings and logins, of
// one process that does everything; and looks for it in all that the process tells anybody.
func TestNothingLeaks(t *testing.T) {
	w, h, said, shown := newWatchedSystem(t), newHunt(planted), &strings.Builder{}, &strings.Builder{}
	for _, d := range doors {
		w.plant(t, d, said)
	}
	w.plantOddRequests(t, said)
	w.plantMails(t, said)
	w.plantWrongSecrets(t, shown)
	w.plantByCommand(t, said)
	w.awaitFailures(t)
	w.holdMails(t)
	w.listEverything(t, shown)
	h.look(t, "what was said to producers", said.String(), toProducers...)
	h.look(t, "what commands and requests showed", shown.String())
	h.add("session cookie", w.logIn(t, url.Values{"token": {token}}))
	w.passOnceLink(t, h)
	waiting := w.plantTasks(t)
	w.pagesShow(t, h)
	w.dashboardShows(t, h)
	w.probesShow(t, h)
	w.slow.open()
	w.resultsShow(t, h)
	w.controls(t, h)
	w.stop()
	w.redisShows(t, h, waiting...)
	h.look(t, "the log in JSON", w.log.String())
	h.look(t, "the log as text", w.text.String())
	headers, spans := w.collector.texts()
	h.look(t, "traces", spans)
	h.want(t, "the collector's requests", headers, "traces header")
	for _, name := range []string{"intake", "queue wait", "attempt", "gateway POST", "publish", "email", "http-500", "bulk-good"} {
		if !strings.Contains(spans, name) {
			t.Errorf("no span tells of %q", name)
		}
	}
	t.Logf("%d markers in %d forms, looked for in %d places, %d bytes: %d looks", len(planted), len(h.forms), h.places, h.bytes, h.places*len(h.forms))
}

var (
	ownLink   = regexp.MustCompile(`="(/orders[^"]*)"`)
	taskOfAny = regexp.MustCompile(`"id":("[^"]+")`)
)

// pagesShow follows all links of the pages about orders.
func (w *watchedSystem) pagesShow(t *testing.T, h *hunt) {
	t.Helper()
	todo, seen := []string{"/orders", "/orders/", "/orders/failed?list=emails", "/orders/find", "/orders/find?q=http-400", "/orders/find?q=none", "/orders/nowhere", "/login"}, map[string]bool{}
	for len(todo) > 0 {
		path := todo[0]
		if todo = todo[1:]; seen[path] {
			continue
		}
		seen[path] = true
		_, text := w.visit(t, http.MethodGet, path, nil)
		h.look(t, "the page "+path, text)
		for _, link := range ownLink.FindAllStringSubmatch(text, -1) {
			todo = append(todo, html.UnescapeString(link[1]))
		}
	}
	for _, part := range []string{"/orders/order/M3:http-mail-refused", "/orders/order/M1:stream-400", "/orders/batches/", "/orders/failed/replay?", "/orders/surplus", "/orders/minutes", "part=live"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(path string) bool { return strings.Contains(path, part) }) {
			t.Errorf("no link led to %s", part)
		}
	}
	_, text := w.visit(t, http.MethodGet, "/orders/order/M3:http-mail", nil)
	if !strings.Contains(text, "p***@person.example") {
		t.Errorf("the recipient's address is not there masked, nor else: %s", text)
	}
	for _, form := range []url.Values{{"list": {""}, "key": {"M1:http-422"}, "generation": {"1"}}, {"list": {"emails"}, "key": {"M3:http-mail-refused"}, "generation": {"1"}}, {"key": {planted["note"]}}} {
		_, text := w.visit(t, http.MethodPost, "/orders/replay", form)
		h.look(t, "the answer to a replay", text)
	}
}

// dashboardShows asks what asynqmon's page does.
func (w *watchedSystem) dashboardShows(t *testing.T, h *hunt) {
	t.Helper()
	const root = "/dashboard/api/"
	paths := []string{"/dashboard/", "/dashboard/queues/hpp-bulk", root + "queues", root + "queue_stats", root + "servers", root + "scheduler_entries", root + "redis_info", root + "metrics", root + "nothing"}
	shown := map[string]int{}
	for _, queue := range []string{"hpp-interactive", "hpp-bulk", "hpp-email", "none"} {
		q := root + "queues/" + queue
		paths = append(paths, q, q+"/groups", q+"/tasks/none")
		for _, state := range []string{"active", "pending", "scheduled", "retry", "archived", "completed", "groups/g/aggregating"} {
			_, text := w.visit(t, http.MethodGet, q+"/"+state+"_tasks?page=1&size=500", nil, "Accept", "application/json")
			h.look(t, "the dashboard's "+state+" tasks of "+queue, text)
			for _, id := range taskOfAny.FindAllStringSubmatch(text, -1) {
				var plain string
				if err := json.Unmarshal([]byte(id[1]), &plain); err != nil {
					t.Fatal(err)
				}
				paths, shown[state] = append(paths, q+"/tasks/"+url.PathEscape(plain)), shown[state]+1
			}
		}
	}
	for _, state := range []string{"active", "pending", "scheduled", "archived", "completed", "groups/g/aggregating"} {
		if shown[state] == 0 {
			t.Errorf("the dashboard shows no %s task: %v", state, shown)
		}
	}
	for _, path := range paths {
		_, text := w.visit(t, http.MethodGet, path, nil, "Accept", "application/json")
		h.look(t, path, text)
		if path == root+"servers" && !strings.Contains(text, `"task_id":"active"`) {
			t.Errorf("the dashboard does not show the task that is worked: %s", text)
		}
	}
	for _, path := range []string{"hpp-interactive/archived_tasks/wrong-type:run", "hpp-bulk/pending_tasks/none:archive", "none:pause"} {
		_, text := w.visit(t, http.MethodPost, root+"queues/"+path, nil)
		h.look(t, path, text)
	}
}

func (w *watchedSystem) probesShow(t *testing.T, h *hunt) {
	t.Helper()
	for path, part := range map[string]string{"/metrics": `hpplink_orders_settled_total{`, "/healthz": "", "/readyz": "redis", "/docs": "", "/openapi.json": "merchant_txn_ref"} {
		status, text := w.request(t, http.MethodGet, path, "", "")
		if status != http.StatusOK || !strings.Contains(text, part) {
			t.Errorf("%s: %d %.500s", path, status, text)
		}
		h.look(t, path, text)
	}
}

// passOnceLink lets somebody in by a one-time link, at another process that has no tokens.
func (w *watchedSystem) passOnceLink(t *testing.T, h *hunt) {
	t.Helper()
	base, err := app.Open(ctx, w.redis, "hpp", 0, slog.New(slog.NewTextHandler(w.text, &slog.HandlerOptions{Level: slog.Level(-100)})))
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	service, err := base.Start(ctx, app.ServiceConfig{Merchants: merchant.NewDirectory(), Listen: "127.0.0.1:0", Tokens: api.Tokens{}})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Stop()
	_, once, found := strings.Cut(service.OnceLink(), "once=")
	other := &watchedSystem{system: &system{url: "http://" + service.Addr(), sent: w.sent}}
	other.visit(t, http.MethodGet, "/login?once="+once, nil)
	h.add("one-time link", once)
	h.add("session of the one-time link", other.logIn(t, url.Values{"once": {once}}))
	for range 2 {
		_, text := other.visit(t, http.MethodPost, "/login", url.Values{"once": {once}})
		h.look(t, "a used one-time link", text, "session of the one-time link")
	}
	_, text := other.visit(t, http.MethodGet, "/orders", nil)
	h.look(t, "the page behind a one-time link", text)
	if !found || len(other.cookies) != 1 {
		t.Errorf("the one-time link let nobody in: %v", other.cookies)
	}
}

// resultsShow reads the results as consumers do. Producers' own metadata is in them, and names of unknown keys.
func (w *watchedSystem) resultsShow(t *testing.T, h *hunt) {
	t.Helper()
	for _, args := range [][]string{{"results"}, {"results", "--json"}} {
		_, out, errs := w.command("", args...)
		h.look(t, strings.Join(args, " "), out+errs, toProducers...)
		if args[len(args)-1] == "--json" {
			h.want(t, "the results", out, toProducers...)
		}
	}
}

// controls looks where what is planted has to be: what the hunt finds there it would find elsewhere.
func (w *watchedSystem) controls(t *testing.T, h *hunt) {
	t.Helper()
	var mails strings.Builder
	for _, m := range w.box.Mails() {
		mails.WriteString(m.From + m.To + string(m.Data))
	}
	h.want(t, "what was mailed", mails.String(), "to", "to_name")
	h.want(t, "the gateway's requests", w.gateway.heard.String(), "merchant_email", "success_url", "webhook_url", "stored", "first_name", "last_name", "billing_phone",
		"address1", "address2", "city", "postal_code", "ship_name", "customer_ip", "note", "document", "card", "api key", "x-api-key", "second key", "second x key")
	redis := w.content(t)
	h.want(t, "the stream of orders", redis[keys.Orders()], "to", "to refused", "to delayed", "other", "tracestate", "baggage", "unknown key")
	h.want(t, "a waiting task", redis["asynq:{hpp-bulk}:t:pending-1"], "first_name", "baggage")
	everything := w.sent.String() + w.gateway.heard.String() + mails.String() + redis[keys.Orders()]
	asked := h.finds(everything)
	for name := range planted {
		switch name {
		case "redis password", "wrong password", "smtp user", "smtp password", "traces header", "stored anew": // in settings, and in what others answered
		default:
			if asked[name] == "" {
				t.Errorf("the %s was planted nowhere", name)
			}
		}
	}
}
