// Package partition spreads the orders of a namespace over several ledgers, so that the masters of a Redis Cluster share the work.
//
// It knows how many partitions there are, their names, and which of them an order belongs to: each is a namespace of its own to
// the ledger and to the queues, with all its keys in one slot, so that every step of an order stays one script. It knows neither what
// those steps do (package ledger) nor who works them.
//
// What belongs to no order is at home, in the namespace itself: the stream by which orders come in, what was refused, the rate
// limits, the batches. Where there is one partition, it is the namespace itself too, and nothing is added to what the ledger does.
package partition

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// Ledger is the ledger of a namespace, however many partitions it has. It is safe for concurrent use.
type Ledger struct {
	rdb       redis.UniversalClient // nil: the layout never changes
	namespace string
	open      func(namespace string) *ledger.Ledger

	looking sync.Mutex // held while the layout is read, so that no earlier one follows a later one
	looked  time.Time  // when that was last

	mu     sync.Mutex
	opened map[string]*ledger.Ledger
	now    atomic.Pointer[parts]

	batches *sync.Map // those that are known to be open in all partitions of a layout
}

// parts are the ledgers of a layout.
type parts struct {
	Layout
	home   *ledger.Ledger
	layers []layer          // those of former layouts, the oldest first, and then that of now
	all    []*ledger.Ledger // each once, home first
}

// layer is the partitions of one number.
type layer []*ledger.Ledger

// of returns the partition that an order belongs to.
func (y layer) of(key order.Key) *ledger.Ledger {
	if len(y) == 1 {
		return y[0]
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key.String()))
	return y[h.Sum32()%uint32(len(y))]
}

// Open reads the layout of a namespace, and returns its ledger. Settled orders are remembered for the retention; zero means
// ledger.DefaultRetention.
func Open(ctx context.Context, rdb redis.UniversalClient, namespace string, retention time.Duration) (*Ledger, error) {
	l := &Ledger{rdb: rdb, namespace: namespace, batches: &sync.Map{}, open: func(name string) *ledger.Ledger { return ledger.New(rdb, name, retention) }}
	return l, l.refresh(ctx, 0)
}

// Single returns one ledger as one of a single partition, which it stays.
func Single(one *ledger.Ledger) *Ledger {
	l := &Ledger{namespace: one.Namespace(), batches: &sync.Map{}, open: func(string) *ledger.Ledger { return one }}
	l.set(Layout{Partitions: 1})
	return l
}

// as returns the ledger with each partition as made of what it was.
func (l *Ledger) as(made func(*ledger.Ledger) *ledger.Ledger) *Ledger {
	own := &Ledger{rdb: l.rdb, namespace: l.namespace, batches: l.batches, open: func(name string) *ledger.Ledger { return made(l.ledgerOf(name)) }}
	own.set(l.now.Load().Layout)
	return own
}

// Durable returns the ledger as one that tells nothing before a replica has it; see ledger.Durable.
func (l *Ledger) Durable(timeout time.Duration, named redisconn.Named) *Ledger {
	return l.as(func(one *ledger.Ledger) *ledger.Ledger { return one.Durable(timeout, named) })
}

// LookForReplicas learns who the replicas of each partition's master are; see ledger.LookForReplicas.
func (l *Ledger) LookForReplicas(ctx context.Context) error {
	return l.everywhere(ctx, func(ctx context.Context, one *ledger.Ledger) error { return one.LookForReplicas(ctx) })
}

// ForPages returns the ledger as pages for operators use it; see ledger.ForPages.
func (l *Ledger) ForPages() *Ledger { return l.as((*ledger.Ledger).ForPages) }

func (l *Ledger) ledgerOf(namespace string) *ledger.Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ledgerLocked(namespace)
}

func (l *Ledger) ledgerLocked(namespace string) *ledger.Ledger {
	if l.opened == nil {
		l.opened = map[string]*ledger.Ledger{}
	}
	if l.opened[namespace] == nil {
		l.opened[namespace] = l.open(namespace)
	}
	return l.opened[namespace]
}

func (l *Ledger) set(y Layout) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &parts{Layout: y, home: l.ledgerLocked(l.namespace)}
	p.all = []*ledger.Ledger{p.home}
	for _, n := range append(oldestFirst(y.Former), y.Partitions) {
		var made layer
		for _, name := range Names(l.namespace, n) {
			one := l.ledgerLocked(name)
			made = append(made, one)
			if !slices.Contains(p.all, one) {
				p.all = append(p.all, one)
			}
		}
		p.layers = append(p.layers, made)
	}
	l.now.Store(p)
}

// lookAgain is how often the layout is read at most because something was not found.
const lookAgain = time.Second

// refresh reads the layout, unless that was done just now.
func (l *Ledger) refresh(ctx context.Context, since time.Duration) error {
	l.looking.Lock()
	defer l.looking.Unlock()
	if l.rdb == nil || !l.looked.IsZero() && time.Since(l.looked) < since {
		return nil
	}
	begin := time.Now()
	y, err := Look(ctx, l.rdb, l.namespace)
	if err != nil {
		return err
	}
	l.looked = begin
	if p := l.now.Load(); p == nil || p.Version != y.Version || p.Partitions != y.Partitions || !slices.Equal(p.Former, y.Former) {
		l.set(y)
	}
	return nil
}

// Refresh finds out whether another process has changed the layout. Whoever asks All for something to do is to call it now and then.
func (l *Ledger) Refresh(ctx context.Context) error { return l.refresh(ctx, lookAgain) }

// Layout is how many partitions there are.
func (l *Ledger) Layout() Layout { return l.now.Load().Layout }

// Home is the ledger of the namespace itself.
func (l *Ledger) Home() *ledger.Ledger { return l.now.Load().home }

// All returns the ledgers that have, or may get, something to work: home, and every partition of now and of former layouts.
func (l *Ledger) All() []*ledger.Ledger { return l.now.Load().all }

// Keeps reports whether an order belongs to the partition of this namespace, whether anybody knows it or not: a former partition might.
// The version of the layout that says so goes with the order.
func (l *Ledger) Keeps(namespace string, key order.Key) (version int, keeps bool) {
	p := l.now.Load()
	return p.Version, len(p.layers) == 1 && p.layers[0].of(key).Namespace() == namespace
}

// Namespaces are those of All.
func (l *Ledger) Namespaces() []string {
	var names []string
	for _, one := range l.All() {
		names = append(names, one.Namespace())
	}
	return names
}

// Keys returns the names of the keys at home.
func (l *Ledger) Keys() ledger.Keys { return l.Home().Keys() }

// Streams are the result streams, that of home first.
func (l *Ledger) Streams() []string {
	var streams []string
	for _, one := range l.All() {
		streams = append(streams, one.Keys().Results())
	}
	return streams
}

func oldestFirst(former []int) []int {
	former = slices.Clone(former)
	slices.Reverse(former)
	return former
}
