package app

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/minutes"
	"github.com/hpplink/hpplink/internal/redistest"
)

// serve starts a process that is watched, on a port of its own.
func serve(t *testing.T, b *Base, c ServiceConfig) *Service {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	b.Watch(c.Merchants, "v1")
	s, err := b.Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// get asks a process for something, with a token if there is one.
func get(t *testing.T, s *Service, path, token string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+s.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(all)
}

// has reports whether metrics have a line.
func has(metrics, line string) bool {
	return regexp.MustCompile("(?m)^" + regexp.QuoteMeta(line) + "$").MatchString(metrics)
}

// TestScrapesUnderLoad asks for metrics all the time while orders are worked, and holds the last answer against the orders.
func TestScrapesUnderLoad(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		const n = 60
		b := open(t, addr)
		_, m := slowGateway(t)
		s := serve(t, b, ServiceConfig{Merchants: m, Worker: &WorkerConfig{Merchants: m, Concurrency: 10}, Stream: true})
		busy, enough := context.WithCancel(ctx)
		var scrapers sync.WaitGroup
		for range 4 {
			scrapers.Go(func() {
				for busy.Err() == nil {
					if status, _ := get(t, s, "/metrics", ""); status != http.StatusOK {
						t.Errorf("status %d", status)
						return
					}
				}
			})
		}
		submit(t, b, m, n)
		await(t, b, n)
		enough()
		scrapers.Wait()
		awaitMetrics(t, s,
			`hpplink_orders_received_total{answer="accepted",lane="bulk",merchant="M1"} 30`,
			`hpplink_orders_settled_total{lane="interactive",merchant="M1",outcome="issued"} 30`,
			`hpplink_orders_settled_total{lane="bulk",merchant="M1",outcome="issued"} 30`,
			`hpplink_attempts_total{merchant="M1",outcome="issued"} 60`,
			`hpplink_gateway_duration_seconds_count{merchant="M1"} 60`,
			`hpplink_enqueue_to_link_seconds_count{lane="interactive"} 30`,
			`hpplink_enqueue_to_link_seconds_bucket{lane="interactive",le="0.05"} 0`, // the gateway takes 0.1 s
			`hpplink_open_orders{lane="bulk",state="due"} 0`, `hpplink_redis_up 1`, `hpplink_workers 1`,
			`hpplink_concurrency_limit{merchant="M1"} 20`, `hpplink_calls_in_flight{merchant="M1"} 0`,
		)
		awaitMinutes(t, b, n)
	})
}

// awaitMetrics asks until all lines are there: what is in Redis is looked at every few seconds only.
func awaitMetrics(t *testing.T, s *Service, lines ...string) {
	t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		_, metrics := get(t, s, "/metrics", "")
		missing := ""
		for _, line := range lines {
			if !has(metrics, line) {
				missing += line + "\n"
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("missing:\n%s", missing)
		}
	}
}

func awaitMinutes(t *testing.T, b *Base, n int) {
	t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		all, err := minutes.Read(ctx, b.Redis.Client(), b.Ledger.Keys().Minutes(), time.Now(), 3)
		if err != nil {
			t.Fatal(err)
		}
		var sum minutes.Minute
		for _, m := range all {
			sum.Add(m)
		}
		if sum.Accepted == n && sum.Issued == n && sum.Quantile(0.5) > 100*time.Millisecond {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%+v, want %d accepted and issued", sum, n)
		}
	}
}

// TestProbesAlone is what a process serves that works orders and has no role web.
func TestProbesAlone(t *testing.T) {
	b := open(t, redistest.Server(t))
	_, m := slowGateway(t)
	tokens, err := api.NewTokens(map[string]string{"prometheus": "0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, b, ServiceConfig{Merchants: m, Worker: &WorkerConfig{Merchants: m}, Probes: true, Tokens: tokens})
	for _, want := range []struct {
		path, token string
		status      int
	}{
		{"/healthz", "", 200}, {"/readyz", "", 200},
		{"/metrics", "", 401}, {"/metrics", "fedcba9876543210", 401}, {"/metrics", "0123456789abcdef", 200},
		{"/v1/orders/M1/r1", "0123456789abcdef", 404}, {"/docs", "", 404}, {"/openapi.json", "", 404},
	} {
		if status, body := get(t, s, want.path, want.token); status != want.status {
			t.Errorf("%s with token %q: %d, want %d: %s", want.path, want.token, status, want.status, body)
		}
	}
	if _, body := get(t, s, "/readyz", ""); parts(t, body)["worker"] != "ready" {
		t.Error(body)
	}
	s.Applied(m.All(), nil, api.Tokens{}) // after a reload
	if status, _ := get(t, s, "/metrics", ""); status != 200 {
		t.Errorf("without tokens: %d", status)
	}
}

func parts(t *testing.T, body string) map[string]string {
	t.Helper()
	var health api.Health
	if err := json.Unmarshal([]byte(body), &health); err != nil {
		t.Fatal(err)
	}
	return health.Parts
}

// TestReadySaysWhichPartIsNot while Redis is away, soon, and once it is back.
func TestReadySaysWhichPartIsNot(t *testing.T) {
	server := redistest.StartServer(t)
	b := open(t, server.Addr)
	_, m := slowGateway(t)
	s := serve(t, b, ServiceConfig{Merchants: m, Worker: &WorkerConfig{Merchants: m}, Stream: true})
	awaitReady(t, s, "redis", "server", "stream", "worker")

	server.Kill()
	begun := time.Now()
	status, body := get(t, s, "/readyz", "")
	if status != 503 || parts(t, body)["redis"] != "not ready" || parts(t, body)["worker"] != "not ready" || parts(t, body)["server"] != "ready" {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(t, s, "/healthz", ""); status != 200 {
		t.Errorf("alive: %d", status)
	}
	if status, metrics := get(t, s, "/metrics", ""); status != 200 || !has(metrics, "hpplink_redis_up 0") {
		t.Errorf("%d %s", status, metrics)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("three answers took %v", took)
	}
	server.Restart(t)
	awaitReady(t, s, "redis", "server", "stream", "worker")
}

func awaitReady(t *testing.T, s *Service, names ...string) {
	t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		status, body := get(t, s, "/readyz", "")
		if all := parts(t, body); status == 200 && len(all) == len(names) {
			for _, name := range names {
				if all[name] != "ready" {
					t.Errorf("%s is missing: %s", name, body)
				}
			}
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%d %s", status, body)
		}
	}
}

// TestAddressTaken: where the address is only the default one, a second process on a machine does without.
func TestAddressTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	b := open(t, redistest.Server(t))
	_, m := slowGateway(t)
	for _, probes := range []bool{true, false} {
		c := ServiceConfig{Merchants: m, Listen: taken.Addr().String(), Probes: probes, MayListen: true}
		s, err := b.Start(ctx, c)
		if err != nil || s.Addr() != "" {
			t.Fatalf("%v %q", err, s.Addr())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		c.MayListen = false
		if _, err := b.Start(ctx, c); err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("an address that was asked for is taken: %v", err)
		}
	}
}
