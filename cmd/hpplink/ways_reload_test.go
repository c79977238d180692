package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/redistest"
)

// recordedGateway is a sandbox in this process that writes down when each POST came, and with which keys.
type recordedGateway struct {
	*sandbox.Server
	url   string
	mu    sync.Mutex
	calls []gatewayCall
}

type gatewayCall struct {
	at   time.Time
	keys string // Authorization and x-api-key
}

func serveRecorded(t *testing.T, o sandbox.Options) *recordedGateway {
	t.Helper()
	gw, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	g := &recordedGateway{Server: gw}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.calls = append(g.calls, gatewayCall{time.Now(), r.Header.Get("Authorization") + ", " + r.Header.Get("x-api-key")})
		g.mu.Unlock()
		gw.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.url = server.URL + "/api/v1"
	return g
}

func (g *recordedGateway) between(from, to time.Time) (calls []gatewayCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.calls {
		if !c.at.Before(from) && c.at.Before(to) {
			calls = append(calls, c)
		}
	}
	return calls
}

// most is the largest number of calls in any second from one time to another.
func (g *recordedGateway) most(from, to time.Time) (most int) {
	calls := g.between(from, to)
	for i, c := range calls {
		n, _ := slices.BinarySearchFunc(calls[i:], c.at.Add(time.Second), func(o gatewayCall, end time.Time) int { return o.at.Compare(end) })
		most = max(most, n)
	}
	return most
}

// reloaded is a worker whose settings a test changes.
type reloaded struct {
	*system
	*recordedGateway
	folder string
	worker *exec.Cmd
	log    string
}

func startReloaded(t *testing.T, o sandbox.Options, rate float64, key string) *reloaded {
	t.Helper()
	addr := redistest.StartServer(t).Addr
	r := &reloaded{
		system:          &system{redisURL: "redis://" + addr + "/0", rdb: redistest.Client(t, addr)},
		recordedGateway: serveRecorded(t, o), folder: t.TempDir(),
	}
	r.base = r.open(t)
	r.write(t, rate, key)
	env := []string{"HPPLINK_REDIS=" + r.redisURL, "HPPLINK_LISTEN=127.0.0.1:0", "HPPLINK_CONFIG=" + filepath.Join(r.folder, "hpplink.yaml")}
	r.worker, r.log = startLogged(t, env, "run")
	return r
}

// write writes the settings: a file, and beside it those of the keys.
func (r *reloaded) write(t *testing.T, rate float64, key string) {
	t.Helper()
	for name, text := range map[string]string{
		"api-key": key + "\n", "x-api-key": "x-" + key + "\n",
		"hpplink.yaml": fmt.Sprintf("merchants:\n  - id: M-1001\n    gateway_url: %s\n    api_key: {file: api-key}\n    x_api_key: {file: x-api-key}\n    rate: %g\n", r.url, rate),
	} {
		if err := os.WriteFile(filepath.Join(r.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *reloaded) hup(t *testing.T) time.Time {
	t.Helper()
	if err := r.worker.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	return time.Now()
}

// awaitLog waits for a line of the log that holds all of these.
func (r *reloaded) awaitLog(t *testing.T, parts ...string) {
	t.Helper()
	if err := eventually("a line of the log", func() error {
		text, err := os.ReadFile(r.log)
		for line := range strings.Lines(string(text)) {
			if !slices.ContainsFunc(parts, func(p string) bool { return !regexp.MustCompile(p).MatchString(line) }) {
				return nil
			}
		}
		return fmt.Errorf("no line with %q (%v)", parts, err)
	}); err != nil {
		t.Fatal(err)
	}
}

// reloadWithin is how soon after SIGHUP new settings must be in force.
const reloadWithin = time.Second

// phase is a time during which one rate and one pair of keys are in force.
type phase struct {
	rate float64
	key  string
	span time.Duration
}

// TestWaysReloadUnderLoad changes rate limit and keys while orders wait for their slots.
func TestWaysReloadUnderLoad(t *testing.T) {
	phases := []phase{{20, "k1", 5 * time.Second}, {100, "k2", 5 * time.Second}, {20, "k3", 5 * time.Second}}
	if waysFull() {
		phases = []phase{{20, "k1", 8 * time.Second}, {100, "k2", 10 * time.Second}, {20, "k3", 10 * time.Second}, {100, "k4", 8 * time.Second}}
	}
	n := sized(900, 2600)
	r := startReloaded(t, sandbox.Options{}, phases[0].rate, phases[0].key)
	r.produce(t, n, 1)
	at := r.awaitFirstCall(t)
	for i, p := range phases {
		if i > 0 {
			r.write(t, p.rate, p.key)
			at = r.hup(t)
		}
		<-time.After(p.span) // what is measured
		r.check(t, p, at)
	}
	r.refuseBad(t, phases[len(phases)-1])
	r.write(t, 2000, "last")
	r.hup(t)
	events := r.drain(t, n)
	onlyLinks(t, events, n)
	if got := r.Stats(); got.Posts != int64(n) || got.Once != int64(n) {
		t.Errorf("the gateway saw %+v, want %d POSTs, one for each order", got, n)
	}
}

func (r *reloaded) awaitFirstCall(t *testing.T) time.Time {
	t.Helper()
	if err := eventually("the first call", func() error {
		if r.Stats().Posts == 0 {
			return fmt.Errorf("none")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return time.Now()
}

// check fails unless calls came with the phase's keys and at its rate, in a span that began at a time. Orders that wait for their
// slots come back on whole seconds, since asynq keeps times to the second, and then all of that second at once. So a span may
// have a second's calls more or fewer than its share, and the last slots of the former rate may be used in the second after the
// reload. For the same reason a second may have the calls of two or three, which only the full size does not let pass.
func (r *reloaded) check(t *testing.T, p phase, at time.Time) {
	t.Helper()
	want := "Basic " + p.key + ", x-" + p.key
	for _, c := range r.between(at.Add(reloadWithin), at.Add(p.span)) {
		if c.keys != want {
			t.Fatalf("a call came with other keys %v after the reload", c.at.Sub(at))
		}
	}
	from, to := at.Add(2*reloadWithin), at.Add(p.span)
	n, most, seconds := float64(len(r.between(from, to))), float64(r.most(from, to)), to.Sub(from).Seconds()
	t.Logf("%g/s with key %s: %.1f calls a second over %.0f s, %.0f in the busiest second", p.rate, p.key, n/seconds, seconds, most)
	bound := 3 * p.rate
	if waysFull() {
		bound = 1.1 * p.rate
	}
	if n < p.rate*(0.9*seconds-1) || n > 1.1*p.rate*(seconds+1) || most > bound {
		t.Errorf("the rate limit is %g", p.rate)
	}
}

// refuseBad has a bad file read again: what was in force goes on.
func (r *reloaded) refuseBad(t *testing.T, p phase) {
	t.Helper()
	path := filepath.Join(r.folder, "hpplink.yaml")
	bad := "merchants:\n  - id: M-1001\n    gateway_url: " + r.url + "\n    api_key: {file: api-key}\n    x_api_key: {file: nowhere}\n    rate: fast\n"
	if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.folder, "api-key"), []byte("unused"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := r.hup(t)
	r.awaitLog(t, "level=ERROR", "stay as they were", `hpplink\.yaml:5:\d+`)
	r.awaitLog(t, "level=ERROR", "stay as they were", `hpplink\.yaml:6:\d+`)
	p.span = 4 * time.Second
	<-time.After(p.span) // what is measured
	r.check(t, p, at)
}

// mendedWithin is how soon held orders must be out once their merchant's key was mended: the reaper looks once a second, first
// for the order that tries, and then for the others.
const mendedWithin = 3 * time.Second

// TestWaysReloadOfAWrongKey: orders are held while a key is wrong, and go soon after a SIGHUP with the right one.
func TestWaysReloadOfAWrongKey(t *testing.T) {
	t.Parallel()
	n := sized(50, 500)
	r := startReloaded(t, sandbox.Options{APIKey: "right", XAPIKey: "x-right"}, 2000, "wrong")
	r.produce(t, n, 1)
	// All are held: while one tries the gateway, that may see a POST more.
	if err := eventually("a breaker that is open for seconds", func() error {
		all, err := r.base.Ledger.Breakers(context.Background())
		if err != nil || len(all) != 1 || all[0].Held < n || time.Until(all[0].Until) < 3*time.Second {
			return fmt.Errorf("%+v %v", all, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	refused := r.Stats().Posts
	r.write(t, 2000, "right")
	at := r.hup(t)
	events := r.drain(t, n)
	took := events[n-1].Time.Sub(at)
	t.Logf("%d orders were held after %d refused POSTs; the first was out %v after SIGHUP, the last %v",
		n, refused, events[0].Time.Sub(at).Round(time.Millisecond), took.Round(time.Millisecond))
	onlyLinks(t, events, n)
	if got := r.Stats(); got.Posts != refused+int64(n) || got.Once != int64(n) {
		t.Errorf("the gateway saw %+v, want %d POSTs after the %d that it refused", got, n, refused)
	}
	if took > mendedWithin {
		t.Errorf("the last was out after %v, want %v", took, mendedWithin)
	}
}
