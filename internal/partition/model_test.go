package partition_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestPropertyOneLedger has several processes, of which some know an old layout, work a namespace whose number of partitions goes up
// and down, now and then half way, and in the middle of what they do. To whoever looks, it is one ledger.
func TestPropertyOneLedger(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		admin := redistest.Client(t, addr)
		crash, steps := interrupted(t, addr), []*interruption{}
		for range 4 {
			steps = append(steps, interrupted(t, addr))
		}
		rapid.Check(t, func(t *rapid.T) {
			if err := admin.FlushDB(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			w := &world{T: t, rdb: admin, crash: crash, clients: steps, orders: map[int]*known{}, issued: map[int]int{}}
			if n := rapid.IntRange(0, 3).Draw(t, "begin"); n > 0 {
				begin(t, admin, n)
			}
			for range steps {
				w.processes = append(w.processes, nil)
			}
			for i := range steps {
				w.restart(i)
			}
			t.Repeat(map[string]func(*rapid.T){
				"":         w.check,
				"accept":   func(t *rapid.T) { w.meanwhile(t, func(i int) { w.accept(t, i, false) }) },
				"reissue":  func(t *rapid.T) { w.meanwhile(t, func(i int) { w.accept(t, i, true) }) },
				"task":     func(t *rapid.T) { w.meanwhile(t, func(i int) { w.task(t, i) }) },
				"settle":   func(t *rapid.T) { w.settle(t) },
				"replay":   func(t *rapid.T) { w.meanwhile(t, func(i int) { w.replay(t, i) }) },
				"expire":   func(t *rapid.T) { w.expire(t) },
				"grow":     func(t *rapid.T) { w.grow(t) },
				"half way": func(t *rapid.T) { w.crashed(t) },
				"forget":   func(t *rapid.T) { w.forget(t) },
				"restart":  func(t *rapid.T) { w.restart(rapid.IntRange(0, len(w.processes)-1).Draw(t, "process")) },
			})
		})
	})
}

// interruption is a client before one of whose commands something else happens.
type interruption struct {
	rdb    *redis.Client
	before int // commands; below 0: nothing happens
	do     func() error
}

func interrupted(t *testing.T, addr string) *interruption {
	i := &interruption{rdb: redistest.Client(t, addr), before: -1}
	i.rdb.AddHook(i)
	return i
}

func (i *interruption) DialHook(next redis.DialHook) redis.DialHook { return next }

func (i *interruption) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := i.step(); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

func (i *interruption) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		_ = i.step()
		return next(ctx, cmds)
	}
}

func (i *interruption) step() error {
	if i.before--; i.before != -1 {
		return nil
	}
	return i.do()
}

// known is what the world knows about an order.
type known struct {
	generation int
	state      ledger.State
}

type world struct {
	*rapid.T
	rdb       *redis.Client
	crash     *interruption
	clients   []*interruption
	processes []*partition.Ledger
	orders    map[int]*known
	issued    map[int]int // links that were published of each, over all its lives
	disturbed bool        // the layout was changed in the middle of a step
}

// meanwhile takes a step for an order while, perhaps, something else happens in its middle.
func (w *world) meanwhile(t *rapid.T, step func(process int)) {
	i := rapid.IntRange(0, len(w.clients)-1).Draw(t, "process")
	c := w.clients[i]
	w.disturbed = false
	c.before = rapid.IntRange(-8, 8).Draw(t, "commands before something else happens")
	c.do = func() error {
		switch rapid.IntRange(0, 2).Draw(t, "something else") {
		case 0:
			w.grow(t)
		case 1:
			w.crashed(t)
		default:
			other := (i + 1) % len(w.clients)
			w.clients[other].before = -1
			w.accept(t, other, false)
		}
		return nil
	}
	step(i)
	c.before = -1
}

func (w *world) draw(t *rapid.T) int { return rapid.IntRange(0, 3).Draw(t, "order") }

// accept hands an order in.
func (w *world) accept(t *rapid.T, process int, reissue bool) {
	i := w.draw(t)
	s := submission(i, "")
	if o := w.orders[i]; reissue && o != nil {
		s.Reissue = o.generation
	}
	w.hand(t, w.processes[process], i, s)
}

func (w *world) hand(t *rapid.T, p *partition.Ledger, i int, s ledger.Submission) {
	answers, errs := p.AcceptAll(ctx, []ledger.Submission{s})
	if errors.Is(errs[0], partition.ErrMoving) && w.disturbed {
		return
	}
	if errs[0] != nil {
		t.Fatalf("%s: %v", key(i), errs[0])
	}
	a, o := answers[0], w.orders[i]
	switch {
	case o == nil:
		o = &known{}
		w.orders[i] = o
		fallthrough
	case s.Reissue == o.generation && (o.state == ledger.Issued || o.state == ledger.Failed):
		o.generation, o.state = o.generation+1, ledger.Queued
		if a.Decision != ledger.Accepted || a.Generation != o.generation {
			t.Fatalf("%s: %+v, want generation %d", key(i), a, o.generation)
		}
	case a.Decision != ledger.Known || a.Record.Generation != o.generation || a.Record.State != o.state:
		t.Fatalf("%s: %+v, want the one that is known: %+v", key(i), a, *o)
	}
}

// task brings a whole order to a worker of any partition, as plain asynq clients do.
func (w *world) task(t *rapid.T, process int) {
	i, p := w.draw(t), w.processes[process]
	one := rapid.SampledFrom(p.All()).Draw(t, "partition")
	s, keeps := submission(i, ""), false
	if s.Layout, keeps = p.Keeps(one.Namespace(), s.Key); keeps {
		c, err := one.Claim(ctx, s.Key, ledger.NewNonce(), time.Minute, &s)
		if err != nil {
			t.Fatal(err)
		}
		if c.Grant == ledger.Granted {
			w.begun(t, i, c.Attempt)
			w.end(t, one, i, c.Attempt)
			return
		}
		if c.Grant != ledger.ClaimMoved {
			return
		}
	}
	s.Layout = 0
	w.hand(t, p, i, s)
}

// begun takes note of an order that a claim took in.
func (w *world) begun(t *rapid.T, i int, a ledger.Attempt) {
	if w.orders[i] == nil {
		w.orders[i] = &known{1, ledger.Queued}
	}
	if o := w.orders[i]; o.state != ledger.Queued || a.Generation != o.generation {
		t.Fatalf("%s: attempt %+v of %+v", key(i), a, *o)
	}
}

// settle works an order where it is.
func (w *world) settle(t *rapid.T) {
	i := w.draw(t)
	for _, one := range open(t, w.rdb).All() {
		c, err := one.Claim(ctx, key(i), ledger.NewNonce(), time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.Grant == ledger.Granted {
			w.begun(t, i, c.Attempt)
			w.end(t, one, i, c.Attempt)
		}
	}
}

func (w *world) end(t *rapid.T, one *ledger.Ledger, i int, a ledger.Attempt) {
	var err error
	if w.orders[i].state = ledger.Issued; rapid.Bool().Draw(t, "fails") {
		w.orders[i].state = ledger.Failed
		_, err = one.Fail(ctx, a, ledger.Failure{Code: "rejected"})
	} else {
		w.issued[i]++
		_, err = one.Issue(ctx, a, ledger.Issuance{Link: ledger.Link{ID: a.Nonce, URL: "https://pay.example/" + a.Nonce}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) replay(t *rapid.T, process int) {
	i, p := w.draw(t), w.processes[process]
	o := w.orders[i]
	if o == nil || o.state != ledger.Failed {
		return
	}
	p.LookNow()
	r, err := p.Replay(ctx, key(i), o.generation, ledger.NewNonce())
	if err != nil || r.Generation != o.generation+1 {
		t.Fatalf("%s: %+v %v", key(i), r, err)
	}
	o.generation, o.state = r.Generation, ledger.Queued
}

// expire has the record of an issued order run out.
func (w *world) expire(t *rapid.T) {
	i := w.draw(t)
	if o := w.orders[i]; o == nil || o.state != ledger.Issued {
		return
	}
	for _, name := range everyName() {
		w.rdb.Del(ctx, ledger.NamespaceKeys(name).Record(key(i)))
	}
	delete(w.orders, i)
}

func (w *world) grow(t *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(t, "partitions")
	w.disturbed = true
	l, err := partition.Grow(ctx, w.rdb, ns, n)
	if err != nil || l.Partitions != n {
		t.Fatalf("%+v %v", l, err)
	}
}

var errCrash = errors.New("the process has crashed")

// crashed changes the number, and does not get to the end.
func (w *world) crashed(t *rapid.T) {
	w.disturbed = true
	w.crash.before, w.crash.do = rapid.IntRange(0, 20).Draw(t, "commands before the crash"), func() error { return errCrash }
	_, err := partition.Grow(ctx, w.crash.rdb, ns, rapid.IntRange(1, 3).Draw(t, "partitions"))
	if w.crash.before = -1; err != nil && !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
}

// forget is refused as long as anything is known there.
func (w *world) forget(t *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(t, "partitions")
	_, err := partition.Forget(ctx, w.rdb, ns, n)
	var remembered *partition.RememberedError
	if err != nil && !errors.As(err, &remembered) {
		t.Fatal(err)
	}
}

func (w *world) restart(i int) {
	w.clients[i].before = -1
	w.processes[i] = open(w.T, w.clients[i].rdb)
}

func everyName() (names []string) {
	for n := 1; n <= 3; n++ {
		names = append(names, partition.Names(ns, n)...)
	}
	return names
}

// check looks for each order in all partitions that there ever were, and asks a process that has just begun.
func (w *world) check(t *rapid.T) {
	fresh := open(t, w.rdb)
	for i := range 4 {
		var at []string
		for _, name := range everyName() {
			if w.rdb.Exists(ctx, ledger.NamespaceKeys(name).Record(key(i))).Val() == 1 {
				at = append(at, name)
			}
		}
		o := w.orders[i]
		if o == nil && len(at) > 0 || o != nil && len(at) != 1 {
			t.Fatalf("%s is in %q, and known as %+v", key(i), at, o)
		}
		r, found, err := fresh.Get(ctx, key(i))
		if err != nil || found != (o != nil) || found && (r.Generation != o.generation || r.State != o.state) {
			t.Fatalf("%s: %+v, found %v, %v; want %+v", key(i), r, found, err, o)
		}
	}
	if got := w.published(t); !slices.Equal(got, []int{w.issued[0], w.issued[1], w.issued[2], w.issued[3]}) {
		t.Fatalf("%v links were published, and %v are right", got, w.issued)
	}
}

func (w *world) published(t *rapid.T) []int {
	counts := make([]int, 4)
	for _, name := range everyName() {
		entries, err := w.rdb.XRange(ctx, ledger.NamespaceKeys(name).Results(), "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Values["type"] == "link.issued" {
				ref, _ := e.Values["merchant_txn_ref"].(string)
				counts[strings.Index("0123", strings.TrimPrefix(ref, "r"))]++
			}
		}
	}
	return counts
}
