package worker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// overALine runs f on both kinds of Redis, on a bench whose own connections go through a line that can be cut.
func overALine(t *testing.T, f func(t *testing.T, b *bench, l *line)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) {
		l := newLine(t, addr)
		f(t, newBench(t, addr, l.addr), l)
	})
}

func TestLedgerAwayWhenTheLinkComes(t *testing.T) {
	overALine(t, func(t *testing.T, b *bench, l *line) {
		s, at := gatewayAt(t, sandbox.Options{}, l.Cut)
		task := b.accept(t, event("M1", "r"))
		done := make(chan error, 1)
		go func() { done <- b.worker(t, profile(t, "M1", at)).Handle(ctx, task) }()
		for range 9 { // the link is minted, and the ledger does not answer, for longer than one command is tried
			<-l.refused
		}
		l.Mend()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, want := b.outcome(t, s), (outcome{results.LinkIssued, "", 1, false, 1, 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestLedgerAwayAtTheEnd has a worker that can not tell that the order was refused: the order is the ledger's, and
// comes out when the lease has run out.
func TestLedgerAwayAtTheEnd(t *testing.T) {
	t.Parallel()
	l := newLine(t, redistest.Mini(t).Addr())
	b := newBench(t, l.to, l.addr)
	_, at := gatewayAt(t, sandbox.Options{}, l.Cut)
	task := b.accept(t, event("M1", "r~400"))
	w := b.worker(t, profile(t, "M1", at))

	var retry queue.Retry
	if err := w.Handle(ctx, task); !errors.As(err, &retry) || retry.Reason != "the ledger did not answer" || retry.After <= 0 {
		t.Fatalf("%+v", err)
	}
	if err := w.Handle(ctx, task); !errors.As(err, &retry) {
		t.Fatalf("a task that can not be claimed is not done with: %+v", err)
	}
	l.Mend()
	if r := b.record(t, key("M1", "r~400")); r.State != ledger.Sending || len(b.events(t)) != 0 {
		t.Fatalf("%+v", r)
	}
	b.leasesEnd(t)
	w = b.worker(t, profile(t, "M1", alwaysRefusing(t)))
	if n, err := b.reaper().Reap(ctx, task.Lane); n != 1 || err != nil {
		t.Fatalf("%d orders given back, %v", n, err)
	}
	b.serve(t, w)
	if d := data[results.Failed](t, b.await(t, 1)[0], results.LinkFailed); d.Code != "possibly_issued" || !d.Uncertain {
		t.Errorf("%+v", d)
	}
}

func alwaysRefusing(t *testing.T) string {
	_, at := gatewayAt(t, sandbox.Options{}, nil)
	return at
}

// TestRegressionNoGoodbyeJustAfterAnOutage: a worker that was stopped as soon as Redis was back ended as if it were away, and the
// others took it for dead.
func TestRegressionNoGoodbyeJustAfterAnOutage(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t, "--appendonly", "yes")
	b := newBench(t, server.Addr, server.Addr)
	r := b.reaper()
	if err := r.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	var all sync.WaitGroup
	for range 8 * b.conn.Client().(*redis.Client).Options().PoolSize {
		all.Go(func() { _ = b.conn.Client().Ping(ctx).Err() })
	}
	all.Wait() // so many in vain that the client takes no trouble any more
	server.Restart(t)
	soon, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := r.End(soon); err != nil {
		t.Error(err)
	}
	if n := b.rdb.ZCard(ctx, b.ledger.Keys().Workers()).Val(); n != 0 {
		t.Errorf("%d workers seem to be alive", n)
	}
}
