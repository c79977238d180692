package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/hpplink/hpplink/internal/redistest"
)

// The browser of this test binary: one process, in which every tab has cookies and storage of its own.
var browser struct {
	once  sync.Once
	ctx   context.Context
	close func()
	err   error
}

// withBrowser closes the browser after the tests.
type withBrowser struct{ redistest.M }

// Run runs the tests.
func (m withBrowser) Run() int {
	code := m.M.Run()
	if browser.close != nil {
		browser.close()
	}
	return code
}

func startBrowser() {
	path, err := findBrowser()
	if err != nil {
		browser.err = err
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	alloc, closeAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	first, closeFirst := chromedp.NewContext(alloc)
	browser.ctx, browser.close = first, func() { closeFirst(); closeAlloc() }
	browser.err = chromedp.Do(first) // starts it
}

func findBrowser() (string, error) {
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium is not installed: run `make test`, which installs it, or sh deploy/install-chromium.sh")
}

// view is how somebody looks at a page.
type view struct {
	name          string
	width, height int64
	dark          bool
}

var (
	wide  = view{"wide", 1280, 800, false}
	views = []view{wide, {"wide-dark", 1280, 800, true}, {"narrow", 360, 740, false}, {"narrow-dark", 360, 740, true}}
)

// tab is a page in the browser. Its test fails when the page complains on the console or sends a request to any host that it was
// not led to.
type tab struct {
	t    *testing.T
	view view
	ctx  context.Context

	mu       sync.Mutex
	console  []string
	requests []string        // URLs
	hosts    map[string]bool // where it was led to
	expected []string
}

func openTab(t *testing.T, v view) *tab {
	t.Helper()
	browser.once.Do(startBrowser)
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	b := &tab{t: t, view: v, hosts: map[string]bool{}}
	ctx, closeTab := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.hear))
	bounded, cancel := context.WithTimeout(ctx, 2*patience)
	t.Cleanup(func() {
		if !t.Failed() {
			b.judge()
		}
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		cancel()
		closeTab()
	})
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	b.ctx = ctx
	b.do(chromedp.EmulateViewport(v.width, v.height))
	b.ctx = bounded
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	return b
}

// hear notes what the page does.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.console = append(b.console, "exception: "+e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.console = append(b.console, fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			b.console = append(b.console, fmt.Sprintf("console.%s: %s", e.Type, said(e.Args)))
		}
	}
}

func said(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		words = append(words, string(a.Value)+a.Description)
	}
	return strings.Join(words, " ")
}

// expect names what the console may say.
func (b *tab) expect(parts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, parts...)
}

func (b *tab) judge() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		if !slices.ContainsFunc(b.expected, func(part string) bool { return strings.Contains(line, part) }) {
			b.t.Errorf("the console says: %s", line)
		}
	}
	for _, to := range b.requests {
		u, err := url.Parse(to)
		if err != nil || u.Scheme != "data" && !b.hosts[u.Host] {
			b.t.Errorf("the page asked for %s (%v)", to, err)
		}
	}
}

// asked returns the paths of the requests so far.
func (b *tab) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	paths := make([]string, len(b.requests))
	for i, to := range b.requests {
		if u, err := url.Parse(to); err == nil {
			paths[i] = u.Path
		}
	}
	return paths
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.fail(err)
	}
}

// fail shows where the page stands.
func (b *tab) fail(err error) {
	b.t.Helper()
	at, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("%v\nat %.2000s\n%s", err, at, strings.Join(b.console, "\n"))
}

// visit opens a page and waits until it has loaded.
func (b *tab) visit(to string) {
	b.t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.hosts[u.Host] = true
	b.mu.Unlock()
	b.do(chromedp.Navigate(to))
}

// logIn leads to a path of the site by way of the login page.
func (b *tab) logIn(at *bench, path string) {
	b.t.Helper()
	b.visit(at.url + path)
	b.do(chromedp.SendKeys(chromedp.CSS("#token"), secret+"\n"))
	b.until(fmt.Sprintf("location.pathname + location.search == %q && document.readyState == 'complete'", path))
}

// click clicks on the first element that a selector finds, as soon as it is there. It asks the page itself for the place: what
// renders itself anew all the time has no node that lasts.
func (b *tab) click(selector string) {
	b.t.Helper()
	find := fmt.Sprintf("document.querySelector(%q)", selector)
	b.until(find)
	at := eval[[]float64](b, "(e => { e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })("+find+")")
	b.do(chromedp.MouseClickXY(at[0], at[1]))
}

// until waits for an expression, or what it promises, to become true, on this page or one that takes its place.
func (b *tab) until(expression string) {
	b.t.Helper()
	end := time.Now().Add(patience)
	for {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("(async () => !!(await ("+expression+")))()", chromedp.EvalAwaitPromise))
		if ok && err == nil {
			return
		}
		if time.Now().After(end) || b.ctx.Err() != nil {
			b.fail(fmt.Errorf("%s is not so (%v)", expression, err))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// shows waits for texts on the page.
func (b *tab) shows(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.until(fmt.Sprintf("document.body && document.body.innerText.includes(%q)", text))
	}
}

// eval returns what an expression is on the page. It waits for promises.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fail(err)
	}
	return v
}

// shoot writes what the page looks like, all of it, to the folder in HPPLINK_SCREENSHOTS, if there is one.
func (b *tab) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("HPPLINK_SCREENSHOTS")
	if folder == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, name+"-"+b.view.name+".png"), png, 0o644))
	}
	if err != nil {
		b.t.Error(err)
	}
}

// fits checks that the page is not wider than the window.
func (b *tab) fits() {
	b.t.Helper()
	if over := eval[int](b, "document.documentElement.scrollWidth - window.innerWidth"); over > 0 {
		b.t.Errorf("at %s the page is %d pixels too wide", b.view.name, over)
	}
}
