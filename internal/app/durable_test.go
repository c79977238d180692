package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// TestMastersDieAndNothingTakesItselfBack hands orders in, sending again what is not acknowledged, while two workers make their
// links and one master after the other is killed, and the last one replaced. What anybody was told, at any time, has to hold at the end.
func TestMastersDieAndNothingTakesItselfBack(t *testing.T) {
	f := failover{t: t, n: 1000, told: map[string]map[string]bool{}}
	if os.Getenv("HPPLINK_FAILOVER") == "full" {
		f.n = 10_000
	}
	f.s = redistest.StartSentinel(t)
	gateway, m := slowGateway(t)
	f.m = m

	for range 2 {
		w, err := f.open().StartWorker(ctx, WorkerConfig{Merchants: m})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := w.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
	watching, enough := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	watchers.Go(func() { f.consume(watching) })
	watchers.Go(func() { f.look(watching) })
	var producers sync.WaitGroup
	for i := range producing {
		producers.Go(func() { f.produce(i) })
	}
	for change := range kills + 1 {
		until(t, "acknowledged", func() bool { return int(f.acknowledged.Load()) > f.allowed(change)-f.n/(2*(kills+2)) })
		if change == kills { // the former master works on for a moment, with the other replica
			f.part.Add(1)
			f.s.Failover(t)
			break
		}
		cutOff(t, f.s.Now(t), cutOffFor)
		f.part.Add(1)
		f.s.Restart(t, f.s.KillMaster(t))
		until(t, "replicas", func() bool { return f.replicas() == 2 })
	}
	producers.Wait()
	base := f.open()
	until(t, "nothing owed", func() bool {
		n, err := base.Ledger.Counts(ctx)
		return err == nil && n.Open() == 0 && n.Unpublished == 0
	})
	time.Sleep(2 * time.Second) // whoever reads has read it, and nothing comes after it
	enough()
	watchers.Wait()
	f.judge(base)
	counts, _ := base.Ledger.Counts(ctx)
	t.Logf("%d orders, %d killed masters: %d sent again, %d POSTs, %d surplus links, %d events read of which %d again, %d links looked up",
		f.n, kills, f.again.Load(), gateway.Stats().Posts, counts.Surplus, f.events, f.repeated, f.looked)
}

const (
	producing = 4
	kills     = 3
	handed    = 5                      // orders at once
	cutOffFor = 500 * time.Millisecond // as long as it takes to hand in, work and refuse many orders
)

type failover struct {
	t                         *testing.T
	n                         int
	s                         *redistest.Sentinel
	m                         *merchant.Directory
	acknowledged, again, part atomic.Int64

	mu                       sync.Mutex
	told                     map[string]map[string]bool // the links that somebody was told of, by ref
	events, repeated, looked int
}

func (f *failover) open() *Base {
	b := openURL(f.t, f.s.URL())
	if err := b.Durable(ctx); err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *failover) replicas() int {
	b, err := Open(ctx, f.s.URL(), "hpp", 0, quiet)
	if err != nil {
		return 0
	}
	defer b.Close()
	report, _ := b.Redis.Check(ctx)
	return report.Replicas
}

// allowed is how many orders may be handed in before the master is another one once more.
func (f *failover) allowed(changes int) int { return f.n * (changes + 1) / (kills + 2) }

// produce hands in a share of the orders, each until it is acknowledged.
func (f *failover) produce(share int) {
	door := f.open().Door(f.m)
	for i := share * handed; i < f.n; i += producing * handed {
		for i >= f.allowed(int(f.part.Load())) {
			time.Sleep(time.Millisecond)
		}
		var events []intake.Event
		for j := range min(handed, f.n-i) {
			events = append(events, intake.Event{JSON: fmt.Appendf(nil, `{"merchant_txn_ref":"r%d","currency":"JPY"}`, i+j), Lane: lanes[j%2]})
		}
		for len(events) > 0 {
			var left []intake.Event
			for j, r := range door.Submit(ctx, events) {
				switch r.Status {
				case intake.Accepted, intake.Known:
					f.acknowledged.Add(1)
					f.tell(r.Key.Ref, r.Record.Link.ID)
				case intake.Unknown:
					left = append(left, events[j])
				default:
					f.t.Errorf("%+v", r)
				}
			}
			f.again.Add(int64(len(left)))
			if events = left; len(left) > 0 {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
}

func (f *failover) tell(ref, link string) (before bool) {
	if link == "" {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told[ref] == nil {
		f.told[ref] = map[string]bool{}
	}
	before = f.told[ref][link]
	f.told[ref][link] = true
	return before
}

// consume reads results as they come, from whichever master there is.
func (f *failover) consume(until context.Context) {
	b := openURL(f.t, f.s.URL())
	ids := map[string]bool{}
	err := b.Results.Follow(until, results.Start, func(e results.Event) error {
		d, err := results.Decode[results.Issued](e)
		if err != nil || e.Type != results.LinkIssued {
			f.t.Errorf("%s %v", e.Type, err)
		}
		f.tell(e.Ref, d.LinkID)
		f.events++
		if ids[e.ID] {
			f.repeated++
		}
		ids[e.ID] = true
		return nil
	})
	if err != nil {
		f.t.Error(err)
	}
	if len(ids) != f.n {
		f.t.Errorf("who reads continuously has %d of %d", len(ids), f.n)
	}
}

// look looks orders up, as who waits for a link does.
func (f *failover) look(until context.Context) {
	b := f.open()
	for until.Err() == nil {
		key := order.Key{MerchantID: "M1", Ref: fmt.Sprint("r", rand.IntN(f.n))}
		if r, found, err := b.Ledger.Get(until, key); err == nil && found && r.State == ledger.Issued {
			f.tell(key.Ref, r.Link.ID)
			f.looked++
		}
		time.Sleep(time.Millisecond)
	}
}

// judge compares what was told with what is published in the end.
func (f *failover) judge(b *Base) {
	final := map[string]string{}
	if _, err := b.Results.Read(ctx, results.Start, func(e results.Event) error {
		d, err := results.Decode[results.Issued](e)
		if was := final[e.Ref]; was != "" && was != d.LinkID {
			f.t.Errorf("%s has two published links", e.Ref)
		}
		final[e.Ref] = d.LinkID
		return errors.Join(err)
	}); err != nil {
		f.t.Error(err)
	}
	for i := range f.n {
		ref := fmt.Sprint("r", i)
		r, found, err := b.Ledger.Get(ctx, order.Key{MerchantID: "M1", Ref: ref})
		if err != nil || !found || r.Link.ID != final[ref] || final[ref] == "" {
			f.t.Errorf("%s was acknowledged: found %v, %v, link %q, published %q", ref, found, err, r.Link.ID, final[ref])
		}
		if links := f.told[ref]; len(links) != 1 || !links[final[ref]] {
			f.t.Errorf("of %s was told %v, and %q is its link", ref, links, final[ref])
		}
	}
	if len(final) != f.n {
		f.t.Errorf("%d refs are published, of %d", len(final), f.n)
	}
}
