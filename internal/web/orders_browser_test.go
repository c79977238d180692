package web_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// quickly has the page look again at once, again and again.
func (b *tab) quickly() {
	b.t.Helper()
	b.do(chromedp.WaitReady(chromedp.CSS("#live")))
	eval[string](b, "(live.dataset.every = .05, schedule(), window.mark = 'the same page')")
	b.until("new Set(performance.getEntriesByType('resource').filter(e => e.name.includes('part=live')).map(e => e.startTime)).size > 1")
}

// stays checks that the page was not loaded again.
func (b *tab) stays() {
	b.t.Helper()
	b.until("window.mark == 'the same page'")
}

func TestBrowserFindsAnOrderByRefAndByLink(t *testing.T) {
	s := newScene(t, redistest.Mini(t).Addr())
	s.accept(key("M-2002", "INV/7 ü"), order.Interactive)
	s.issue(key("M-2002", "INV/7 ü"))
	b := openTab(t, wide)
	b.logIn(s.bench, "/orders")
	for _, what := range []string{"INV/7 ü", "f49173ce-4916-445c-a831-000000000008", "https://checkout.paymentoptions.com/jp/HostedPaymentPage/INV%2F7%20%C3%BC"} {
		b.visit(s.url + "/orders")
		b.do(chromedp.SendKeys(chromedp.CSS("#q"), what+kb.Enter))
		b.shows("Nothing: its link is published.", "INV/7 ü", "Order of merchant M-2002", "Link published: f49173ce")
		b.until("location.pathname.startsWith('/orders/order/')")
	}
	b.expect("404")
	b.visit(s.url + "/orders/find?q=nobody")
	b.shows("Nothing was found for “nobody”", "No order with this ref")
}

func TestBrowserReplays(t *testing.T) {
	s := newScene(t, redistest.Server(t), writable)
	for i := range 3 {
		s.fail(key("M-2002", fmt.Sprintf("R-%d", i)), "rejected", "no (http_400)")
	}
	s.fail(key("M-2002", "MAYBE"), ledger.CodePossiblyIssued, "known (http_409)")
	b := openTab(t, wide)
	b.logIn(s.bench, "/orders/failed")
	b.do(chromedp.Click(chromedp.CSS(`button[aria-label="Replay R-1"]`)))
	b.shows("Replayed at", "generation 2 began, and is queued now", "R-1")
	b.shoot("replayed-one")

	b.visit(s.url + "/orders/failed?code=rejected")
	b.do(chromedp.Click(chromedp.CSS("a.button")))
	b.shows("Replay 2 orders that failed with rejected?")
	b.do(chromedp.Click(chromedp.CSS("main form button")))
	b.shows("2 orders replayed", "Each began another generation", "R-0", "R-2")
	b.shoot("replayed-all")

	b.visit(s.url + "/orders/failed")
	b.do(chromedp.Click(chromedp.CSS(`a[aria-label="Replay MAYBE…"]`)))
	b.shows("Replay MAYBE?")
	b.do(chromedp.Click(chromedp.CSS("main form button"))) // the browser asks for the tick first
	b.until("document.querySelector('input[name=sure]').matches(':invalid')")
	b.do(chromedp.Click(chromedp.CSS("input[name=sure]")), chromedp.Click(chromedp.CSS("main form button")))
	b.shows("generation 2 began", "MAYBE")
	for _, ref := range []string{"R-0", "R-1", "R-2", "MAYBE"} {
		if r, _, err := s.ledger.Get(ctx, key("M-2002", ref)); err != nil || r.Generation != 2 || r.State != ledger.Queued {
			t.Errorf("%s: %+v %v", ref, r, err)
		}
	}
}

func TestBrowserReplaysNothingWherePagesAreToLookAt(t *testing.T) {
	s := newScene(t, redistest.Mini(t).Addr())
	k := key("M-2002", "R-1")
	s.fail(k, "rejected", "no (http_400)")
	b := openTab(t, wide)
	b.logIn(s.bench, orderPath(k))
	b.shows("To replay it from here, start hpplink with --dashboard-write")
	b.shoot("order-read-only")
	if n := eval[int](b, "document.querySelectorAll('main button:not(#pause)').length"); n != 0 {
		t.Errorf("there are %d buttons", n)
	}
	b.expect("405")
	form := url.Values{"key": {k.String()}, "generation": {"1"}}.Encode()
	if status := eval[int](b, fmt.Sprintf("fetch('/orders/replay', {method: 'POST', body: new URLSearchParams(%q)}).then(r => r.status)", form)); status != 405 {
		t.Errorf("a replay is answered with %d", status)
	}
	if r, _, err := s.ledger.Get(ctx, k); err != nil || r.State != ledger.Failed {
		t.Errorf("%+v %v", r, err)
	}
}

// TestBrowserOverviewChangesByItself: and whoever reads it keeps the place, the focus and what is selected.
func TestBrowserOverviewChangesByItself(t *testing.T) {
	s := newScene(t, redistest.Server(t))
	s.accept(key("M-1001", "A"), order.Interactive)
	b := openTab(t, view{"low", 1280, 400, false})
	b.logIn(s.bench, "/orders")
	b.shows("1 order open")
	b.quickly()
	eval[bool](b, "(document.querySelector('#open a').focus(), scrollTo(0, 200), true)")
	for i := range 1234 {
		s.accept(key("M-1001", fmt.Sprint("B", i)), order.Interactive)
	}
	b.shows("1,235 orders open", "1,235")
	b.stays()
	if at := eval[string](b, "document.activeElement.closest('section')?.id + ' ' + scrollY"); at != "open 200" {
		t.Errorf("focus and place are %q", at)
	}
	if title := eval[string](b, "document.title"); title != "Flowing · hpplink" {
		t.Errorf("the title is %q", title)
	}
	s.settled(s.worker.Release(ctx, s.claim(key("M-1001", "A")), unauthorized))
	b.shows("Orders wait: the gateway answers 401 for M-1001")
	b.until("document.title == 'Waiting · hpplink' && document.getElementById('said').textContent.includes('401')")
	b.stays()
}

func TestBrowserOrderPageFollowsItsOrder(t *testing.T) {
	s := newScene(t, redistest.Server(t))
	k := key("M-2002", "A")
	s.accept(k, order.Interactive)
	b := openTab(t, wide)
	b.logIn(s.bench, orderPath(k))
	b.shows("It waits for a worker to be free")
	b.quickly()
	eval[bool](b, "(getSelection().selectAllChildren(document.querySelector('h1')), true)")
	s.issue(k)
	b.shows("Nothing: its link is published.")
	b.stays()
	if selected := eval[string](b, "getSelection().toString()"); selected != "A" {
		t.Errorf("selected is %q", selected)
	}
}

func TestBrowserPausedPageStandsStill(t *testing.T) {
	s := newScene(t, redistest.Server(t))
	b := openTab(t, wide)
	b.logIn(s.bench, "/orders")
	b.quickly()
	b.do(chromedp.Click(chromedp.CSS("#pause")))
	b.until("document.getElementById('pause').textContent == 'Go on' && !busy")
	before := len(b.asked())
	time.Sleep(time.Second) // nothing tells that nothing happens
	if after := len(b.asked()); after != before {
		t.Errorf("%d requests while paused", after-before)
	}
	b.do(chromedp.Click(chromedp.CSS("#pause")))
	b.until("document.getElementById('pause').textContent == 'Pause'")
	b.quickly()
	// A tab that nobody sees asks nothing, either.
	eval[bool](b, "(Object.defineProperty(document, 'hidden', {get: () => window.unseen, configurable: true}), window.unseen = true, document.dispatchEvent(new Event('visibilitychange')))")
	b.until("!busy")
	before = len(b.asked())
	time.Sleep(time.Second)
	if after := len(b.asked()); after != before {
		t.Errorf("%d requests while hidden", after-before)
	}
	s.accept(key("M-1001", "NEW"), order.Interactive)
	time.Sleep(1500 * time.Millisecond) // for which the pages show what was read last
	eval[bool](b, "(window.unseen = false, document.dispatchEvent(new Event('visibilitychange')))")
	b.shows("1 order open")
}

func TestBrowserSaysThatRedisIsAwayAndComesBack(t *testing.T) {
	server := redistest.StartServer(t)
	s := newScene(t, server.Addr)
	b := openTab(t, wide)
	b.logIn(s.bench, "/orders")
	b.quickly()
	b.expect("503")
	server.Kill()
	b.shows("Redis does not answer. It is tried again. What is shown is of")
	b.shoot("redis-away-live")
	b.stays()
	b.visit(s.url + "/orders")
	b.shows("Redis at "+server.Addr+" does not answer", "Work goes on by itself")
	b.shoot("redis-away")
	server.Restart(t)
	b.shows("Nothing waits: no order is open.") // without being asked to
}

func TestBrowserSaysThatTheSessionIsOver(t *testing.T) {
	s := newScene(t, redistest.Mini(t).Addr())
	b := openTab(t, wide)
	b.logIn(s.bench, "/orders")
	b.quickly()
	b.expect("401")
	eval[int](b, "fetch('/logout', {method: 'POST'}).then(r => r.status)")
	b.shows("You are not logged in any more.")
	b.stays()
}

func TestBrowserOrdersByKeyboard(t *testing.T) {
	s := newScene(t, redistest.Mini(t).Addr())
	b := openTab(t, wide)
	b.logIn(s.bench, "/orders")
	b.do(chromedp.KeyEvent(kb.Tab))
	b.until("document.activeElement.className == 'skip' && document.activeElement.getBoundingClientRect().left >= 0")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("document.activeElement.id == 'main'")
	b.do(chromedp.KeyEvent(kb.Tab))
	b.until("document.activeElement.id == 'pause' && getComputedStyle(document.activeElement).outlineStyle == 'solid'")
}
