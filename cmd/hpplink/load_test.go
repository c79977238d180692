package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

const (
	loadProducers = 64
	// scriptsPerLink is what Redis may be asked for one link: accept, enqueue, dequeue, claim, issue,
	// acknowledge, and half a script for everything else.
	scriptsPerLink = 6.5
)

// loadOrders is how many orders the load tests work: 2,000, or HPPLINK_LOAD.
func loadOrders(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("HPPLINK_LOAD"))
	if os.Getenv("HPPLINK_LOAD") == "" {
		return 2000
	}
	if err != nil || n < loadProducers {
		t.Fatalf("HPPLINK_LOAD=%q: want a number of orders, at least %d", os.Getenv("HPPLINK_LOAD"), loadProducers)
	}
	return n
}

// TestLoadEachOrderOnce lets 64 producers enqueue every order twice while two worker processes work,
// and counts what the gateway and the consumers saw.
func TestLoadEachOrderOnce(t *testing.T) {
	s := startSystem(t, 2)
	n := loadOrders(t)
	begun := time.Now()
	s.produce(t, n, 2)
	enqueued := time.Since(begun)
	events := s.drain(t, n)
	took := time.Since(begun)
	t.Logf("%d orders, each enqueued twice by %d producers in %v; all links out after %v: %.0f links/s",
		n, loadProducers, enqueued.Round(time.Millisecond), took.Round(time.Millisecond), float64(n)/took.Seconds())

	links, refs := map[string]bool{}, map[string]int{}
	for _, e := range events {
		d, err := results.Decode[results.Issued](e)
		if e.Type != results.LinkIssued || err != nil || links[d.LinkID] {
			t.Fatalf("result %+v: %v; its link was seen before: %v", e, err, links[d.LinkID])
		}
		links[d.LinkID] = true
		refs[e.Ref]++
	}
	at, err := journal(s.gateway)
	t.Logf("%d results for %d refs; the gateway: %+v", len(events), len(refs), at)
	if len(events) != n || len(refs) != n {
		t.Errorf("%d results for %d refs, want %d of each", len(events), len(refs), n)
	}
	if err != nil || at != (summary{Posts: n, Minted: n, Refs: n, Once: n}) {
		t.Errorf("the gateway saw %+v (%v), want %d POSTs and links, none twice", at, err, n)
	}
}

// TestLoadScriptsPerLink counts the scripts that clients sent for orders enqueued once.
func TestLoadScriptsPerLink(t *testing.T) {
	s := startSystem(t, 1)
	n := loadOrders(t)
	perSecond := s.idleScripts(t)
	begun, before := time.Now(), s.scripts(t)
	s.produce(t, n, 1)
	s.drain(t, n)
	took, sent := time.Since(begun), s.scripts(t)-before
	idle := perSecond * took.Seconds()
	perLink := (float64(sent) - idle) / float64(n)
	t.Logf("%d scripts for %d links in %v, of which idle polling (%.1f/s) is at most %.0f: %.2f for each link",
		sent, n, took.Round(time.Millisecond), perSecond, idle, perLink)
	if perLink > scriptsPerLink {
		t.Errorf("%.2f scripts for each link, want %.1f or fewer", perLink, scriptsPerLink)
	}
}

// system is a gateway and workers as processes of their own, on a real redis-server.
type system struct {
	gateway  string
	redisURL string
	rdb      *redis.Client
	base     *app.Base
	workers  []*exec.Cmd
}

func startSystem(t *testing.T, workers int, sandbox ...string) *system {
	t.Helper()
	addr := redistest.StartServer(t).Addr
	s := &system{gateway: freeAddress(t), redisURL: "redis://" + addr + "/0", rdb: redistest.Client(t, addr)}
	start(t, nil, append([]string{"sandbox", "--listen", s.gateway, "--latency", "5ms", "--jitter", "5ms"}, sandbox...)...)
	if err := eventually("the sandbox", func() error { _, err := journal(s.gateway); return err }); err != nil {
		t.Fatal(err)
	}
	for range workers {
		s.workers = append(s.workers, start(t, s.workerEnv(), "run"))
	}
	s.base = s.open(t)
	if err := eventually("the workers", func() error {
		n, err := s.rdb.ZCard(context.Background(), "asynq:servers").Result()
		if err == nil && n < int64(workers) {
			err = fmt.Errorf("%d servers so far", n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *system) workerEnv() []string {
	return []string{
		"HPPLINK_LISTEN=127.0.0.1:0", "HPPLINK_REDIS=" + s.redisURL, "HPPLINK_GATEWAY_URL=http://" + s.gateway + "/api/v1", "HPPLINK_MERCHANT_ID=M-1001",
		"HPPLINK_API_KEY=k", "HPPLINK_X_API_KEY=k", "HPPLINK_LOG_LEVEL=warn",
	}
}

// start runs hpplink as a process until the test ends, then stops it by SIGTERM, which it must obey.
func start(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.Command("hpplink", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil && !killed(cmd) {
			t.Errorf("hpplink %s: %v\n%s", args[0], err, output.String())
		}
		if t.Failed() {
			t.Logf("hpplink %s:\n%s", args[0], output.String())
		}
	})
	return cmd
}

// killed reports whether a process was ended by SIGKILL, which a test does on purpose.
func killed(cmd *exec.Cmd) bool {
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (s *system) open(t *testing.T) *app.Base {
	t.Helper()
	base, err := app.Open(context.Background(), s.redisURL, "hpp", 0, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { base.Close() })
	return base
}

// produce lets producers with connections of their own enqueue n orders, each so many times.
func (s *system) produce(t *testing.T, n, times int) {
	t.Helper()
	var all errgroup.Group
	for p := range loadProducers {
		door := s.open(t).Door(nil)
		all.Go(func() error {
			for i := p; i < n*times; i += loadProducers {
				r := door.Submit(context.Background(), []intake.Event{{JSON: loadOrder(i % n), Lane: order.Interactive}})[0]
				if r.Status != intake.Accepted && r.Status != intake.Known {
					return fmt.Errorf("order %d: %+v", i%n, r)
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
}

func loadOrder(i int) []byte {
	return fmt.Appendf(nil, `{"return_url":{"success_url":"https://shop.example/ok"},"amount":%d,"currency":"JPY",`+
		`"merchant_id":"M-1001","merchant_email":"m@shop.example","merchant_txn_ref":"INV-%06d",`+
		`"payment_method":{"type":"scheme"},"billing_address":{"country":"JP","city":"Shinjuku-ku"}}`, 1000+i, i)
}

// drain reads results until there are n, and then all that come while nothing is open any more.
func (s *system) drain(t *testing.T, n int) []results.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var events []results.Event
	enough := fmt.Errorf("enough")
	err := s.base.Results.Follow(ctx, results.Start, func(e results.Event) error {
		if events = append(events, e); len(events) == n {
			return enough
		}
		return nil
	})
	if err != enough {
		t.Fatalf("%d results, want %d: %v", len(events), n, err)
	}
	if err := eventually("no open order", func() error {
		c, err := s.base.Ledger.Counts(ctx)
		if err == nil && c.Open() > 0 {
			err = fmt.Errorf("%d are open", c.Open())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_, err = s.base.Results.Read(ctx, events[len(events)-1].StreamID, func(e results.Event) error {
		events = append(events, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

var scriptCalls = regexp.MustCompile(`cmdstat_(?:evalsha|eval):calls=(\d+)`)

// scripts is how many EVALSHA and EVAL the server has had from clients.
func (s *system) scripts(t *testing.T) (n int) {
	t.Helper()
	info, err := s.rdb.Info(context.Background(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range scriptCalls.FindAllStringSubmatch(info, -1) {
		calls, _ := strconv.Atoi(m[1])
		n += calls
	}
	return n
}

var cpuSeconds = regexp.MustCompile(`used_cpu_(?:sys|user):([0-9.]+)`)

// redisCPU is how many seconds of CPU the server has used.
func (s *system) redisCPU(t *testing.T) (seconds float64) {
	t.Helper()
	info, err := s.rdb.Info(context.Background(), "cpu").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range cpuSeconds.FindAllStringSubmatch(info, -1) {
		n, _ := strconv.ParseFloat(m[1], 64)
		seconds += n
	}
	return seconds
}

// idleScripts is how many scripts a second an idle system sends, over a few seconds of it.
func (s *system) idleScripts(t *testing.T) float64 {
	t.Helper()
	before, begun := s.scripts(t), time.Now()
	<-time.After(3 * time.Second) // the span that is measured, not a wait for something
	return float64(s.scripts(t)-before) / time.Since(begun).Seconds()
}
