package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"

	"log/slog"
)

func TestWhileNoReplicaAcknowledges(t *testing.T) {
	master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0", "--repl-timeout", "3600")
	replica := redistest.StartReplica(t, master)
	conn, err := redisconn.Open(ctx, "redis://"+master.Addr, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	q := queue.NewClient(conn.AsynqOpt(), "hpp")
	t.Cleanup(func() {
		q.Close()
		conn.Close()
	})
	l := ledger.New(conn.Client(), "hpp", 0).Durable(200*time.Millisecond, conn.Named())
	b := newBenchAt(t, master.Addr, func(c *api.Config) {
		c.Ledger, c.Door = partition.Single(l), intake.New(partition.Single(l), q, directory(), slog.New(slog.DiscardHandler))
	})
	post := func(name string) request { return request{method: "POST", path: "/v1/orders", body: ref(name)} }
	b.do(post("before")).want(t, http.StatusAccepted)
	b.issue(key("before"))

	replica.Pause(t)
	for _, r := range []request{post("new"), post("before"), {path: "/v1/orders/M1/before"}} {
		a := b.do(r).want(t, http.StatusServiceUnavailable)
		if a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "not all replicas") || strings.Contains(a.body, "pay.example") {
			t.Errorf("%s %s: %v %s", r.method, r.path, a.header, a.body)
		}
	}
	replica.Resume(t)
	for end := time.Now().Add(patience); b.do(post("new")).status != http.StatusOK; {
		if time.Now().After(end) {
			t.Fatal("it is never acknowledged")
		}
	}
	if a := b.do(request{path: "/v1/orders/M1/before"}).want(t, http.StatusOK); !strings.Contains(a.body, "pay.example/before") {
		t.Error(a.body)
	}
}
