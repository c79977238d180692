package plain

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hibiken/asynq"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/bench/stub"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

func orderOf(ref int) string {
	return fmt.Sprintf(`{"merchant_id":"M","merchant_txn_ref":"r%d","amount":1000,"currency":"JPY"}`, ref)
}

func gatewayAt(t *testing.T, g *stub.Gateway) *url.URL {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go g.Serve(listener)
	t.Cleanup(func() { listener.Close() })
	return &url.URL{Scheme: "http", Host: listener.Addr().String()}
}

// TestFromTasksToLinks: a ref that was enqueued twice gets one link.
func TestFromTasksToLinks(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	addr := redistest.Server(t)
	gateway := stub.New(0)
	at := gatewayAt(t, gateway)
	var lines strings.Builder
	const n = 50
	for i := range n {
		fmt.Fprintln(&lines, orderOf(i))
	}
	fmt.Fprintln(&lines, orderOf(0))
	if err := Enqueue(ctx, addr, Task, "default", strings.NewReader(lines.String())); err != nil {
		t.Fatal(err)
	}

	w := newWorker(t, addr, at.String())
	handled, ended := serve(ctx, addr, w)
	for range n + 1 {
		if err := <-handled; err != nil {
			t.Error(err)
		}
	}
	if links, err := w.rdb.XLen(t.Context(), Results).Result(); err != nil || links != n {
		t.Errorf("%d links, %v", links, err)
	}
	if c := gateway.Counts(); c != (stub.Counts{Posts: n, Refs: n}) {
		t.Errorf("the gateway saw %+v", c)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// serve works tasks until the context ends. Each that is handled is told.
func serve(ctx context.Context, addr string, w *Worker) (handled, ended chan error) {
	handled, ended = make(chan error), make(chan error)
	go func() {
		ended <- Serve(ctx, addr, 10, nil, func(ctx context.Context, task *asynq.Task) error {
			err := w.Handle(ctx, task)
			handled <- err
			return err
		})
	}()
	return handled, ended
}

func newWorker(t *testing.T, addr, gateway string) *Worker {
	t.Helper()
	w := NewWorker(addr, gateway, 10)
	t.Cleanup(func() {
		w.gateway.CloseIdleConnections()
		w.rdb.Close()
	})
	return w
}

// TestAFailedCallIsMadeAgain: its ref is given back.
func TestAFailedCallIsMadeAgain(t *testing.T) {
	var calls atomic.Int32
	gateway := httputil.NewSingleHostReverseProxy(gatewayAt(t, stub.New(0)))
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		gateway.ServeHTTP(rw, r)
	}))
	defer s.Close()
	w := newWorker(t, redistest.Server(t), s.URL)
	task := asynq.NewTask(Task, []byte(orderOf(1)))
	if err := w.Handle(t.Context(), task); err == nil {
		t.Error("a 502 was taken for a link")
	}
	if err := w.Handle(t.Context(), task); err != nil {
		t.Error(err)
	}
	entries, err := w.rdb.XRange(t.Context(), Results, "-", "+").Result()
	if err != nil || len(entries) != 1 || entries[0].Values["merchant_txn_ref"] != "r1" || entries[0].Values["amount"] != "1000" {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestTelling(t *testing.T) {
	var out strings.Builder
	if err := Telling(&out)(t.Context(), nil); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%q, %v", out.String(), err)
	}
}
