package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

func TestEachFaultOnTheWire(t *testing.T) {
	status := func(n int) func(reply) bool { return func(r reply) bool { return r.err == nil && r.status == n } }
	header := func(n int, name, value string) func(reply) bool {
		return func(r reply) bool { return r.status == n && r.header.Get(name) == value }
	}
	isReset := func(r reply) bool { return errors.Is(r.err, syscall.ECONNRESET) }
	for name, c := range map[string]struct {
		minted int64
		ok     func(reply) bool
	}{
		"500":          {0, status(500)},
		"504-after":    {1, status(504)},
		"201":          {1, func(r reply) bool { return r.status == 201 && r.text("url") != "" }},
		"204":          {1, func(r reply) bool { return r.status == 204 && r.body == "" }},
		"304":          {0, status(304)},
		"418":          {0, status(418)},
		"599":          {0, status(599)},
		"429":          {0, header(429, "Retry-After", "1")},
		"429:1500ms":   {0, header(429, "Retry-After", "2")},
		"503":          {0, header(503, "Retry-After", "")},
		"503:3s":       {0, header(503, "Retry-After", "3")},
		"redirect":     {0, header(302, "Location", "https://www.sandbox.invalid/")},
		"308":          {0, header(308, "Location", "https://www.sandbox.invalid/")},
		"html-502":     {0, func(r reply) bool { return r.status == 502 && strings.HasPrefix(r.body, "<html>") }},
		"reset-before": {0, isReset},
		"reset-after":  {1, isReset},
		"unreadable":   {1, func(r reply) bool { return r.status == 200 && r.err == nil && !json.Valid([]byte(r.body)) }},
		"mismatch": {1, func(r reply) bool {
			return r.status == 200 && r.text("merchant_txn_ref") != "R" && r.field("amount") != 1000.0 && r.text("url") != ""
		}},
		"wrong-host":       {1, func(r reply) bool { return strings.HasPrefix(r.text("url"), "https://checkout.sandbox.invalid/") }},
		"slow-body:20ms":   {1, func(r reply) bool { return r.status == 200 && r.text("merchant_txn_ref") == "R" }},
		"hang-before:10ms": {0, status(504)},
		"hang-after:10ms":  {1, func(r reply) bool { return r.status == 200 && r.text("url") != "" }},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, sandbox.Options{Faults: faults(t, name)})
			r := g.post("R")
			if !c.ok(r) {
				t.Errorf("%+v", r)
			}
			waitForEntries(g, 1)
			kind, _, _ := strings.Cut(name, ":")
			if st := g.Stats(); st.Minted != c.minted || st.Faults[kind] != 1 || st.Posts != 1 {
				t.Errorf("%+v", st)
			}
			e := g.journal("").Entries[0]
			if e.Fault != kind || e.Status != r.status || (e.LinkID != "") != (c.minted == 1) {
				t.Errorf("journal: %+v", e)
			}
		})
	}
}

// waitForEntries waits until so many POSTs have ended: a client that was reset
// knows before the journal does.
func waitForEntries(g gateway, n int) {
	for range 1000 {
		if len(g.journal("limit=10000").Entries) >= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	g.t.Fatalf("no %d entries in the journal", n)
}

func TestARefHeals(t *testing.T) {
	g := start(t, sandbox.Options{})
	for ref, want := range map[string][]int{
		"INV-1~500x2":          {500, 500, 200},
		"INV-2~400":            {400, 400, 400},
		"INV-3~503x1~429x1:2s": {503, 429, 200},
		"INV-4~resetafterx1":   {0, 200, 200},
		"INV-5~~":              {200, 200, 200},
	} {
		for i, status := range want {
			if r := g.post(ref); r.status != status {
				t.Errorf("%s, POST %d: %+v, want %d", ref, i+1, r, status)
			}
		}
	}
	if r := g.post("INV-6~5000"); r.status != 200 || !strings.Contains(r.header.Get("X-Sandbox-Note"), "5000") {
		t.Errorf("a slip in the ref is not told: %+v", r)
	}
	if r := g.post("INV-7~500"); r.header.Get("X-Sandbox-Fault") != "500" {
		t.Errorf("the fault is not named: %+v", r)
	}
}

func TestHangEndsWhenTheClientLeaves(t *testing.T) {
	for name, minted := range map[string]int64{"hang-before:1h": 0, "hang-after:1h": 1, "slow-body:1h": 1} {
		g := start(t, sandbox.Options{Faults: faults(t, name)})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		r := g.do(request(g.http.URL, body("R")).WithContext(ctx))
		cancel()
		if !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("%s: %+v", name, r)
		}
		waitForEntries(g, 1)
		if g.Stats().Minted != minted {
			t.Errorf("%s: %+v", name, g.Stats())
		}
	}
}

func TestAClientThatLeavesDuringTheLatencyLeavesALink(t *testing.T) {
	g := start(t, sandbox.Options{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	g.do(request(g.http.URL, body("R")).WithContext(ctx))
	waitForEntries(g, 1)
	if e := g.journal("").Entries[0]; e.Status != 0 || e.LinkID == "" {
		t.Errorf("%+v", e)
	}
}

func TestShutdownEndsHangs(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{Faults: faults(t, "hang:1h")})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: s.Handler()}
	srv.RegisterOnShutdown(s.Close)
	go srv.Serve(ln)
	answered := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(request("http://"+ln.Addr().String(), body("R")))
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}()
	for s.Stats().Minted == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestTheSameSeedFailsTheSame(t *testing.T) {
	const refs, posts = 60, 4
	outcome := func(seed uint64, workers int) map[string]string {
		g := start(t, sandbox.Options{Seed: seed, PublicURL: "http://pay", Jitter: time.Millisecond,
			Faults: faults(t, "500=0.2,429=0.1,unreadable=0.1,reset-after=0.1,503=0.2x1")})
		work := make(chan string)
		var mu sync.Mutex
		got := map[string]string{}
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for ref := range work {
					for nth := range posts { // one after the other, as a worker would
						r := g.post(ref)
						mu.Lock()
						got[fmt.Sprint(ref, " ", nth)] = fmt.Sprint(r.status, r.text("id"), r.text("url"))
						mu.Unlock()
					}
				}
			})
		}
		for i := range refs {
			work <- fmt.Sprint("R", i)
		}
		close(work)
		wg.Wait()
		return got
	}
	one := outcome(3, 1)
	if d := cmp.Diff(one, outcome(3, 16)); d != "" {
		t.Error(d)
	}
	if cmp.Equal(one, outcome(4, 1)) {
		t.Error("another seed makes no difference")
	}
}

func TestLatencyHoldsNoLock(t *testing.T) {
	const latency, clients = 100 * time.Millisecond, 40
	g := start(t, sandbox.Options{Latency: latency})
	began := time.Now()
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			if r := g.post("R"); r.status != 200 {
				t.Errorf("%+v", r)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took < latency || took > clients*latency/4 {
		t.Errorf("%d POSTs of %v took %v", clients, latency, took)
	}
}
