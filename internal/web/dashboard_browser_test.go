package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestLoginPageInABrowser(t *testing.T) {
	b := newBench(t, withToken)
	for _, v := range views {
		page := openTab(t, v)
		page.visit(b.url + "/login")
		page.fits()
		page.shoot("login")
		page.do(chromedp.SendKeys(chromedp.CSS("#token"), "a wrong one\n"))
		page.expect("401")
		page.shows("not a token that is known here")
		page.fits()
		page.shoot("login-wrong")
	}
}

func TestDashboardInABrowser(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t), withToken)
	b.submit("r1", order.Interactive)
	b.submit("r2/ü !", order.Bulk)
	for _, v := range views {
		page := openTab(t, v)
		page.logIn(b, "/dashboard/")
		page.shows("hpp-interactive", "hpp-bulk")
		page.until(`document.querySelector("header svg[width='200']")?.getBoundingClientRect().width > 100`)
		if wide := eval[int](page, `new Promise(done => { const i = new Image(); i.onload = i.onerror = () => done(i.naturalWidth); i.src = "/dashboard/static/media/logo-color.c2b0c1f3.svg" })`); wide == 0 {
			t.Error("the logo is no image")
		}
		if !eval[bool](page, `document.fonts.ready.then(() => document.fonts.check("500 16px Roboto") && [...document.fonts].some(f => f.family == "Roboto" && f.status == "loaded"))`) {
			t.Error("the font was not loaded")
		}
		page.shoot("dashboard")
	}
}

func TestDashboardShowsATask(t *testing.T) {
	b := newBenchAt(t, redistest.Server(t), withToken)
	b.submit("r2/ü !", order.Bulk)
	page := openTab(t, wide)
	page.logIn(b, "/dashboard/queues/hpp-bulk?status=pending")
	page.shows("link:generate", `"merchant_txn_ref"`)
	page.shoot("dashboard-queue")
	page.click("tbody tr td:nth-child(2)")
	page.shows("Task Info", "r2/ü !")
	page.shoot("dashboard-task")
	for _, path := range []string{"servers", "schedulers", "redis", "settings"} {
		page.visit(b.url + "/dashboard/" + path)
		page.until("document.querySelector('main').innerText.length > 20")
		page.shoot("dashboard-" + path)
	}
	if all := page.asked(); slices.ContainsFunc(all, func(path string) bool { return strings.Contains(path, "metrics") }) {
		t.Errorf("%q", all)
	}
}

func TestBrowserWithoutALoginSeesNothing(t *testing.T) {
	b := newBench(t, withToken)
	b.submit("r1", order.Bulk)
	page := openTab(t, wide)
	page.visit(b.url + "/dashboard/queues/hpp-bulk?status=retry")
	page.until("location.pathname == '/login'")
	page.expect("401")
	for _, path := range []string{"/dashboard/api/queues", "/dashboard/static/js/main.5adda2da.chunk.js", "/orders"} {
		if got := eval[int](page, `fetch("`+path+`").then(r => r.status)`); got != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, got)
		}
	}
	page.do(chromedp.SendKeys(chromedp.CSS("#token"), secret+"\n"))
	page.until("location.pathname + location.search == '/dashboard/queues/hpp-bulk?status=retry'")
	if got := eval[string](page, "document.cookie"); got != "" {
		t.Errorf("scripts see %q", got)
	}
	page.shows("Log out")
	page.click(".hpplink button")
	page.until("location.pathname == '/login'")
	if got := eval[int](page, `fetch("/dashboard/api/queues").then(r => r.status)`); got != http.StatusUnauthorized {
		t.Errorf("after the logout: %d", got)
	}
}

// TestBrowserLetsNoOtherPageIn has a page of another origin, of the same site even, so that the browser sends our cookie along.
func TestBrowserLetsNoOtherPageIn(t *testing.T) {
	b := newBench(t, withToken, writable)
	b.submit("r1", order.Bulk)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action="%[1]s/dashboard/api/queues/hpp-bulk:pause"><button>Win</button></form><iframe src="%[1]s/dashboard/"></iframe>`, b.url)
	}))
	defer evil.Close()
	page := openTab(t, wide)
	page.logIn(b, "/dashboard/")
	page.expect("Refused to display", "frame-ancestors", "frame", "blocked", "403", "ERR_", "Framing",
		"/favicon.ico") // which a browser wants for the JSON at the end, if it has the time
	page.visit(evil.URL)
	for _, request := range []string{
		`fetch("` + b.url + `/dashboard/api/queues/hpp-bulk:pause", {method: "POST", mode: "no-cors", credentials: "include"}).then(() => 1, () => 1)`,
		`fetch("` + b.url + `/logout", {method: "POST", mode: "no-cors", credentials: "include"}).then(() => 1, () => 1)`,
		`fetch("` + b.url + `/dashboard/api/queues", {credentials: "include"}).then(() => 0, () => 1)`, // its answer must not be readable
	} {
		if eval[int](page, request) != 1 {
			t.Error("the other origin reads our answers")
		}
	}
	page.click("button")
	page.shows("another origin, and nothing was done")
	page.visit(b.url + "/dashboard/api/queues/hpp-bulk")
	page.shows(`"paused":false`)
}

func TestReadOnlyDashboardInABrowser(t *testing.T) {
	b := newBench(t, withToken)
	b.submit("r1", order.Bulk)
	page := openTab(t, wide)
	page.logIn(b, "/dashboard/queues/hpp-bulk?status=pending")
	page.shows("link:generate")
	if eval[bool](page, `!!document.querySelector("main input[type=checkbox]") || document.querySelector("main").innerText.includes("Actions")`) {
		t.Error("ways to change a task are shown")
	}
	page.expect("405")
	if got := eval[int](page, `fetch("/dashboard/api/queues/hpp-bulk:pause", {method: "POST"}).then(r => r.status)`); got != http.StatusMethodNotAllowed {
		t.Errorf("status %d", got)
	}
}

func TestWritableDashboardInABrowser(t *testing.T) {
	b := newBench(t, withToken, writable)
	b.submit("r1", order.Bulk)
	page := openTab(t, wide)
	page.logIn(b, "/dashboard/queues/hpp-bulk?status=pending")
	page.shows("link:generate")
	page.shoot("dashboard-write")
	page.click("tbody td:last-child button")
	page.click("tbody button[title=Archive]")
	page.until(`fetch("/dashboard/api/queues/hpp-bulk/archived_tasks").then(r => r.json()).then(all => all.tasks.length == 1)`)
}

func TestOneTimeLinkInABrowser(t *testing.T) {
	b := newBench(t)
	page := openTab(t, wide)
	page.visit(b.url + b.site.OnceLink("/dashboard/"))
	page.shoot("login-once")
	page.click("button")
	page.until("location.pathname == '/dashboard/'")
	page.visit(b.url + "/login")
	page.until("location.pathname == '/orders'")
	other := openTab(t, view{"narrow", 360, 740, false})
	other.visit(b.url + "/login")
	other.shows("a link that works once")
	other.fits()
	other.shoot("login-help")
}
