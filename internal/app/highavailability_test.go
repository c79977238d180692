package app

import (
	"slices"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestMasterDies kills the master that Sentinels watch while orders are worked. All were accepted, and known to the
// replicas, before: what a master acknowledges right before it dies may be lost with it.
func TestMasterDies(t *testing.T) {
	s := redistest.StartSentinel(t)
	b := openURL(t, s.URL())
	works(t, b, func() { replicated(t, s.Now(t), 2) }, func() { s.KillMaster(t) })
}

// TestCluster has the orders, and each of the queues, at a master of its own, and the one of the orders die.
func TestCluster(t *testing.T) {
	c := redistest.StartCluster(t, 3, 1)
	b := openURL(t, c.URL())
	orders := ledger.NamespaceKeys("hpp").Orders()
	works(t, b, func() { replicated(t, c.MasterOf(t, orders), 1) }, func() { c.KillMaster(t, orders) })
}

func openURL(t *testing.T, url string) *Base {
	t.Helper()
	b, err := Open(ctx, url, "hpp", 0, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// replicated waits until the replicas have all that a master has.
func replicated(t *testing.T, master *redistest.Process, replicas int) {
	t.Helper()
	rdb := redistest.Client(t, master.Addr)
	if err := rdb.Publish(ctx, "nobody", "").Err(); err != nil {
		t.Fatal(err)
	}
	if n := rdb.Wait(ctx, replicas, patience).Val(); int(n) != replicas {
		t.Fatalf("%d replicas have it all, of %d", n, replicas)
	}
}

// works has orders be worked while something fails, and wants each to get one link, which the gateway made for it.
func works(t *testing.T, b *Base, accepted, fail func()) {
	const n = 1000
	s, m := slowGateway(t)
	submit(t, b, m, n)
	accepted()
	w, err := b.StartWorker(ctx, WorkerConfig{Merchants: m, Concurrency: 50})
	if err != nil {
		t.Fatal(err)
	}
	await(t, b, n/10)
	fail()
	published := await(t, b, n)
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	made := madeFor(t, s)
	for ref, link := range published {
		if !slices.Contains(made[ref], link) {
			t.Errorf("%s got %s, and the gateway made %v for it", ref, link, made[ref])
		}
	}
	if c, err := b.Ledger.Counts(ctx); err != nil || c.Open() != 0 {
		t.Errorf("something is owed: %+v, %v", c, err)
	}
	t.Logf("%d POSTs for %d orders", s.Stats().Posts, n)
}

// madeFor returns the ids of all links that the gateway made for each ref: while Redis is away, what was asked of the gateway
// may be forgotten, and asked again.
func madeFor(t *testing.T, s *sandbox.Server) map[string][]string {
	t.Helper()
	links := map[string][]string{}
	for _, e := range journalOf(t, s) {
		links[e.Ref] = append(links[e.Ref], e.LinkID)
	}
	return links
}
