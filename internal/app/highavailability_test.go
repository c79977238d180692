package app

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// TestMasterDies kills the master that Sentinels watch while orders are worked, with things done that no replica has. All orders
// were accepted, and known to the replicas, before: what a master acknowledges right before it dies may be lost with it.
func TestMasterDies(t *testing.T) {
	s := redistest.StartSentinel(t)
	b := openURL(t, s.URL())
	works(t, b, func() { replicated(t, s.Now(t), 2) }, func() {
		cutOff(t, s.Now(t), lostFor)
		s.KillMaster(t)
	})
}

// TestMasterIsReplaced has the Sentinels take another master although there is nothing wrong with the one that there is, as they do
// where a busy machine is late with its answers: it works on for a moment, and all that it did then is lost.
func TestMasterIsReplaced(t *testing.T) {
	s := redistest.StartSentinel(t)
	b := openURL(t, s.URL())
	works(t, b, func() { replicated(t, s.Now(t), 2) }, func() { s.Failover(t) })
}

// TestCluster has the orders, and each of the queues, at a master of its own, and the one of the orders die.
func TestCluster(t *testing.T) {
	c := redistest.StartCluster(t, 3, 1)
	b := openURL(t, c.URL())
	orders := ledger.NamespaceKeys("hpp").Orders()
	works(t, b, func() { replicated(t, c.MasterOf(t, orders), 1) }, func() {
		cutOff(t, c.MasterOf(t, orders), lostFor)
		c.KillMaster(t, orders)
	})
}

// lostFor is as long as some dozens of links take.
const lostFor = 50 * time.Millisecond

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

// cutOff has a master work on without its replicas for a while. What only it has is lost when it is killed then.
func cutOff(t *testing.T, master *redistest.Process, during time.Duration) {
	t.Helper()
	rdb := redistest.Client(t, master.Addr)
	for _, cmd := range [][]any{{"acl", "setuser", "default", "-psync", "-sync"}, {"client", "kill", "type", "replica"}} {
		if err := rdb.Do(ctx, cmd...).Err(); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(during)
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(2 * patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%s: it never came", what)
		}
	}
}

// works has orders be worked while something fails, and wants that nothing is owed at the end, and that each has a link, which the
// gateway made for it. Some may have several: what only the former master knew is done again when its lease is over, whoever has
// read it; then all have one id, by which readers keep the first.
func works(t *testing.T, b *Base, accepted, fail func()) {
	const n = 1000
	s, m := slowGateway(t)
	hurried(m)
	submit(t, b, m, n)
	accepted()
	w, err := b.StartWorker(ctx, WorkerConfig{Merchants: m, Concurrency: 50})
	if err != nil {
		t.Fatal(err)
	}
	reader := follow(t, b)
	until(t, "links", func() bool { return reader.refs() > n/10 })
	fail()
	until(t, "nothing is owed", func() bool {
		c, err := b.Ledger.Counts(ctx)
		return err == nil && c.Open() == 0
	})
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	until(t, "all links are read", func() bool { return reader.refs() == n })
	reader.stop()
	final := told{}
	if _, err := b.Results.Read(ctx, results.Start, final.hear); err != nil {
		t.Error(err)
	}
	made := madeFor(t, s)
	t.Logf("%d POSTs for %d orders; several links: %d read all the time, %d in the end",
		s.Stats().Posts, n, reader.told.check(t, n, made), final.check(t, n, made))
}

// hurried has leases end soon, which the time-out of the gateway's is a part of.
func hurried(m *merchant.Directory) {
	p, _ := m.Lookup("M1")
	p.Timeout = time.Second
	m.Replace(p)
}

// told are the events that somebody has read, by ref.
type told map[string][]results.Event

func (told told) hear(e results.Event) error {
	told[e.Ref] = append(told[e.Ref], e)
	return nil
}

// check returns how many refs have several links.
func (told told) check(t *testing.T, n int, made map[string][]string) (several int) {
	t.Helper()
	if len(told) != n {
		t.Errorf("%d refs have a link, want %d", len(told), n)
	}
	for ref, events := range told {
		for _, e := range events {
			d, err := results.Decode[results.Issued](e)
			if err != nil || e.Type != results.LinkIssued || !slices.Contains(made[ref], d.LinkID) {
				t.Errorf("%s got %s %s (%v), and the gateway made %v for it", ref, e.Type, d.LinkID, err, made[ref])
			}
			if e.ID != events[0].ID {
				t.Errorf("%s has the ids %s and %s", ref, events[0].ID, e.ID)
			}
		}
		if len(events) > 1 {
			several++
		}
	}
	return several
}

// follower reads all the time, from whichever master there is.
type follower struct {
	mu   sync.Mutex
	told told
	stop func()
}

func follow(t *testing.T, b *Base) *follower {
	t.Helper()
	f := &follower{told: told{}}
	following, end := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		if err := b.Results.Follow(following, results.Start, f.hear); err != nil {
			t.Error(err)
		}
	})
	f.stop = func() {
		end()
		reading.Wait()
	}
	t.Cleanup(f.stop)
	return f
}

func (f *follower) hear(e results.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told.hear(e)
}

// refs is of how many orders it has read.
func (f *follower) refs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.told)
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
