package partition_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
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
				"": w.check,
				"accept": func(t *rapid.T) {
					w.meanwhile(t, func(p *partition.Ledger, i int) error { return w.accept(p, i, false) })
				},
				"reissue": func(t *rapid.T) {
					w.meanwhile(t, func(p *partition.Ledger, i int) error { return w.accept(p, i, true) })
				},
				"replay":  func(t *rapid.T) { w.meanwhile(t, w.replay) },
				"task":    w.task,
				"settle":  w.settle,
				"expire":  w.expire,
				"change":  func(t *rapid.T) { must(t, w.change(t)()) },
				"forget":  w.forget,
				"restart": func(t *rapid.T) { w.restart(rapid.IntRange(0, len(w.processes)-1).Draw(t, "process")) },
			})
		})
	})
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// interruption is a client before one of whose commands something else happens.
type interruption struct {
	rdb    *redis.Client
	before atomic.Int64 // commands; below 0: nothing happens
	do     func() error
}

func interrupted(t *testing.T, addr string) *interruption {
	i := &interruption{rdb: redistest.Client(t, addr)}
	i.before.Store(-1)
	i.rdb.AddHook(i)
	i.rdb.Ping(ctx) // the beginning of a connection has commands of its own
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
	if i.before.Add(-1) != -1 {
		return nil
	}
	return i.do()
}

// orders is how many there are.
const orders = 3

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

// meanwhile takes a step for an order while, perhaps, something else happens in its middle. All is drawn before: it may happen on
// another goroutine.
func (w *world) meanwhile(t *rapid.T, step func(p *partition.Ledger, order int) error) {
	at, other := w.process(t), w.process(t)
	i, theirs := w.draw(t), w.draw(t)
	var late error
	c := w.clients[at]
	if c.do = func() error { return nil }; rapid.Bool().Draw(t, "the number is changed") {
		change := w.change(t)
		c.do = func() error { late = change(); return nil }
	} else if other != at {
		c.do = func() error { late = w.accept(w.processes[other], theirs, false); return nil }
	}
	w.disturbed = false
	c.before.Store(rapid.Int64Range(-8, 8).Draw(t, "commands before that"))
	err := step(w.processes[at], i)
	c.before.Store(-1)
	must(t, errors.Join(err, late))
}

func (w *world) draw(t *rapid.T) int { return rapid.IntRange(0, orders-1).Draw(t, "order") }

func (w *world) process(t *rapid.T) int {
	return rapid.IntRange(0, len(w.clients)-1).Draw(t, "process")
}

// accept hands an order in.
func (w *world) accept(p *partition.Ledger, i int, reissue bool) error {
	s := submission(i, "")
	if o := w.orders[i]; reissue && o != nil {
		s.Reissue = o.generation
	}
	answers, errs := p.AcceptAll(ctx, []ledger.Submission{s})
	if errors.Is(errs[0], partition.ErrMoving) && w.disturbed {
		return nil
	}
	if errs[0] != nil {
		return errs[0]
	}
	a, o := answers[0], w.orders[i]
	if o == nil {
		o = &known{}
		w.orders[i] = o
	}
	switch {
	case o.generation == 0, s.Reissue == o.generation && (o.state == ledger.Issued || o.state == ledger.Failed):
		o.generation, o.state = o.generation+1, ledger.Queued
		if a.Decision != ledger.Accepted || a.Generation != o.generation {
			return fmt.Errorf("%s: %s in generation %d, want it accepted in %d", key(i), a.Decision, a.Generation, o.generation)
		}
	case a.Decision != ledger.Known || a.Record.Generation != o.generation || a.Record.State != o.state:
		return fmt.Errorf("%s: %s in generation %d, %s; want the one that is known: %+v", key(i), a.Decision, a.Generation, a.Record.State, *o)
	}
	return nil
}

// task brings a whole order to a worker of any partition, as plain asynq clients do.
func (w *world) task(t *rapid.T) {
	i, p := w.draw(t), w.processes[w.process(t)]
	one := p.All()[rapid.IntRange(0, len(p.All())-1).Draw(t, "partition")]
	s, keeps := submission(i, ""), false
	if s.Layout, keeps = p.Keeps(one.Namespace(), s.Key); keeps {
		c, err := one.Claim(ctx, s.Key, ledger.NewNonce(), time.Minute, &s)
		must(t, err)
		if c.Grant == ledger.Granted {
			w.begun(t, i, c.Attempt)
			w.end(t, one, i, c.Attempt)
		}
		if c.Grant != ledger.ClaimMoved {
			return
		}
	}
	must(t, w.accept(p, i, false))
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

func (w *world) replay(p *partition.Ledger, i int) error {
	o := w.orders[i]
	if o == nil || o.state != ledger.Failed {
		return nil
	}
	p.LookNow()
	r, err := p.Replay(ctx, key(i), o.generation, ledger.NewNonce())
	if err != nil || r.Generation != o.generation+1 {
		return fmt.Errorf("replay %s: generation %d, %w", key(i), r.Generation, err)
	}
	o.generation, o.state = r.Generation, ledger.Queued
	return nil
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

var errCrash = errors.New("the process has crashed")

// change changes the number of partitions, and in one of two cases does not get to the end.
func (w *world) change(t *rapid.T) func() error {
	n, crash := rapid.IntRange(1, 3).Draw(t, "partitions"), rapid.Int64Range(-12, 12).Draw(t, "commands before the crash")
	return func() error {
		w.disturbed = true
		w.crash.do = func() error { return errCrash }
		w.crash.before.Store(crash)
		l, err := partition.Grow(ctx, w.crash.rdb, ns, n)
		w.crash.before.Store(-1)
		if errors.Is(err, errCrash) {
			return nil
		}
		if err == nil && l.Partitions != n {
			err = fmt.Errorf("%d partitions, want %d", l.Partitions, n)
		}
		return err
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
	w.clients[i].before.Store(-1)
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
	pipe, names := w.rdb.Pipeline(), everyName()
	there, published := map[string]*redis.IntCmd{}, []*redis.XMessageSliceCmd{}
	for _, name := range names {
		for i := range orders {
			record := ledger.NamespaceKeys(name).Record(key(i))
			there[record] = pipe.Exists(ctx, record)
		}
		published = append(published, pipe.XRange(ctx, ledger.NamespaceKeys(name).Results(), "-", "+"))
	}
	_, err := pipe.Exec(ctx)
	must(t, err)
	fresh, links := open(t, w.rdb), linksIn(published)
	for i := range orders {
		o, at := w.orders[i], slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return there[ledger.NamespaceKeys(name).Record(key(i))].Val() == 0
		})
		if o == nil && len(at) > 0 || o != nil && len(at) != 1 {
			t.Fatalf("%s is in %q, and known as %+v", key(i), at, o)
		}
		r, found, err := fresh.Get(ctx, key(i))
		if err != nil || found != (o != nil) || found && (r.Generation != o.generation || r.State != o.state) {
			t.Fatalf("%s: generation %d, %s, found %v, %v; want %+v", key(i), r.Generation, r.State, found, err, o)
		}
		if links[key(i).Ref] != w.issued[i] {
			t.Fatalf("%s: %d links were published, want %d", key(i), links[key(i).Ref], w.issued[i])
		}
	}
}

// linksIn counts the links that were published of each order.
func linksIn(published []*redis.XMessageSliceCmd) map[string]int {
	links := map[string]int{}
	for _, stream := range published {
		for _, e := range stream.Val() {
			if e.Values["type"] == "link.issued" {
				ref, _ := e.Values["merchant_txn_ref"].(string)
				links[ref]++
			}
		}
	}
	return links
}
