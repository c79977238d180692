package demo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/demo"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWholeDemo(t *testing.T) {
	var out, log screen
	err := demo.Run(t.Context(), demo.Options{Out: &out, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatalf("Run: %v\n%s", err, out.String())
	}
	text := out.String()
	want := map[string]int{
		"order events": 1000, "links": 983, "known already": 12, "conflicts": 1, "invalid": 2, "failed": 2,
		"emails": 45, "retries": 21, "surplus links": 3,
	}
	if d := cmp.Diff(want, table(t, text)); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
	contains(t, text, "1,000 of 1,000 events answered: 983 links",
		"/billing_address/country: ", "/merchant_emial: ", "~400: rejected: Bad Request (http_400)", "  KWD 13.243 ", "  JPY 7,688 ")
	if n := len(regexp.MustCompile(`(?m)^  ok  `).FindAllString(text, -1)); n != 7 || strings.Contains(text, "NO") {
		t.Errorf("%d checks hold, want all 7", n)
	}
	if m := regexp.MustCompile(`(\d+) were told theirs`).FindStringSubmatch(text); m == nil || len(m[1]) == 1 && m[1] < "6" {
		t.Errorf("told their link: %v, want at least the 6 that came late", m)
	}
	if n := len(links(text)); n != 6 {
		t.Errorf("%d links shown, want 5 and the inbox", n)
	}
	fits(t, text)
	discreet(t, text)
	discreet(t, log.String())
	contains(t, log.String(), "msg=attempt", "outcome=issued")
}

func TestDifferencesAreNamed(t *testing.T) {
	var out screen
	err := demo.Run(t.Context(), demo.Options{Out: &out}.With(plain(20), time.Minute, faults(t, "400")))
	var differs *demo.DifferenceError
	if !errors.As(err, &differs) {
		t.Fatalf("Run: %v, want a *DifferenceError", err)
	}
	contains(t, err.Error(), "M-1001 TYO-00001: expected a link, got a failure (rejected: ", "and 17 more like these",
		"links published: expected 20, got 0", "orders failed in the ledger: expected 0, got 20")
	contains(t, out.String(), "  NO  every event came out as the sample foresees", "  ok  no surplus link")
	fits(t, out.String())
}

func TestGivesUpWhenTheTimeIsUp(t *testing.T) {
	for _, fault := range []string{"503", "hang-before"} {
		t.Run(fault, func(t *testing.T) {
			var out screen
			begun := time.Now()
			err := demo.Run(t.Context(), demo.Options{Out: &out}.With(plain(5), 2*time.Second, faults(t, fault)))
			if took := time.Since(begun); took > 7*time.Second {
				t.Errorf("it took %v to give up after two seconds", took)
			}
			var differs *demo.DifferenceError
			if !errors.As(err, &differs) {
				t.Fatalf("Run: %v, want a *DifferenceError", err)
			}
			contains(t, err.Error(), "gave up after 2s: 0 of 5 events were answered",
				"M-1001 TYO-00001: expected a link, got no answer (queued, waits: ", "orders open in the ledger: expected 0, got 5")
		})
	}
}

func TestEndsSoonWhenInterrupted(t *testing.T) {
	tests := map[string]struct {
		when   string // in the output
		faults string
		want   string
	}{
		"before it began":         {"hpplink demo:", "", "interrupted before it began"},
		"in the middle":           {"events answered", "", "interrupted when "},
		"while the gateway hangs": {"events answered: 0", "hang-before", "interrupted when "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var since time.Time
			out := screen{when: test.when, then: func() { since = time.Now(); cancel() }}
			err := demo.Run(ctx, demo.Options{Out: &out}.With(nil, 0, faults(t, test.faults)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Run: %v, want %q", err, test.want)
			}
			if took := time.Since(since); took > 3*time.Second {
				t.Errorf("it ended %v after the interrupt", took)
			}
		})
	}
}

func TestOnATerminalLinksStayOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan struct{})
	out := screen{when: "until you press Enter", then: func() { close(ready) }}
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{Out: &out, Terminal: true, Color: true}.With(plain(20), 0, sandbox.Faults{}))
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("it ended: %v\n%s", err, out.String())
	}
	contains(t, out.String(), " 100% ", "█", "\x1b[32mok\x1b[0m")
	for _, link := range links(out.String()) {
		opens(t, link)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestInboxShowsTheEmails opens the list and one email as a person does, and then has seen enough.
func TestInboxShowsTheEmails(t *testing.T) {
	keyboard, press := io.Pipe()
	ready := make(chan struct{})
	out := screen{when: "until you press Enter", then: func() { close(ready) }}
	ended := make(chan error, 1)
	events := slices.DeleteFunc(demo.Sample()[:60], func(e demo.Event) bool { return !e.Mail })
	go func() {
		ended <- demo.Run(t.Context(), demo.Options{Out: &out, Terminal: true, In: keyboard}.With(events, 0, sandbox.Faults{}))
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("it ended: %v\n%s", err, out.String())
	}
	inbox := linkWith(t, out.String(), "/inbox/")
	contains(t, opens(t, inbox), "お支払い", "customer-00011@mail.example", `href="0"`)
	contains(t, opens(t, inbox+"0"), "data:image/png;base64,", "/HostedPaymentPage/")
	if _, err := io.WriteString(press, "\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestPagesShowWhatWasPlayed goes through the doors that the demo opens at its end.
func TestPagesShowWhatWasPlayed(t *testing.T) {
	keyboard, press := io.Pipe()
	ready := make(chan struct{})
	out := screen{when: "until you press Enter", then: func() { close(ready) }}
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(t.Context(), demo.Options{Out: &out, Terminal: true, In: keyboard}.With(plain(20), 0, sandbox.Faults{}))
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatalf("it ended: %v\n%s", err, out.String())
	}
	fits(t, out.String()[strings.Index(out.String(), "Checked"):])
	doors := slices.DeleteFunc(links(out.String()), func(l string) bool { return !strings.Contains(l, "/login?once=") })
	if len(doors) != 2 {
		t.Fatalf("doors: %q", doors)
	}
	contains(t, enter(t, doors[0], "/orders"), "M-1001")
	contains(t, enter(t, doors[1], "/dashboard/"), "FLAG_READ_ONLY=\"false\"")
	if _, err := io.WriteString(press, "\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// enter opens a one-time link and presses the button there, and returns the page to which it leads.
func enter(t *testing.T, link, to string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	client := http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.PostForm("http://"+u.Host+"/login", u.Query())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Request.URL.Path != to {
		t.Errorf("%s leads to %s: %s %v", link, res.Request.URL, res.Status, err)
	}
	return string(page)
}

func linkWith(t *testing.T, text, part string) string {
	t.Helper()
	all := links(text)
	i := slices.IndexFunc(all, func(l string) bool { return strings.Contains(l, part) })
	if i < 0 {
		t.Fatalf("no link with %s in %q", part, all)
	}
	return all[i]
}

func opens(t *testing.T, link string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", link, res.Status)
	}
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(page)
}

// screen is a writer that reacts to what it is written, once.
type screen struct {
	when string
	then func()

	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(p)
	if s.then != nil && strings.Contains(s.text.String(), s.when) {
		s.then()
		s.then = nil
	}
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// plain returns the sample's first n orders that meet no fault.
func plain(n int) []demo.Event {
	events := slices.DeleteFunc(demo.Sample(), func(e demo.Event) bool { return e.Kind != demo.Plain })
	return events[:n]
}

func faults(t *testing.T, list string) sandbox.Faults {
	t.Helper()
	f, err := sandbox.ParseFaults(list)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var rowPattern = regexp.MustCompile(`(?m)^  ([a-z][a-z ]+?) +([0-9,]+)   \S`)

// table reads the rows that hold whole numbers, the rate aside.
func table(t *testing.T, text string) map[string]int {
	t.Helper()
	rows := map[string]int{}
	for _, m := range rowPattern.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(m[2], ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		rows[m[1]] = n
	}
	delete(rows, "links a second")
	return rows
}

func links(text string) []string {
	return regexp.MustCompile(`http://127\.0\.0\.1:\S+`).FindAllString(text, -1)
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// fits makes sure that nothing is broken by a terminal of 80 columns.
func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// discreet makes sure that no customer is named.
func discreet(t *testing.T, text string) {
	t.Helper()
	for _, private := range []string{"@", "佐藤", "陽葵", "فاطمة", "Jörg", "203.0.113.17", "Drottninggatan", "81312345678"} {
		if strings.Contains(text, private) {
			t.Errorf("%q is shown", private)
		}
	}
}
