package stream_test

import (
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/stream"
)

// TestPropertyEveryEntryIsAnsweredOnce has producers send good, bad, repeated and conflicting orders of merchants with
// and without room, while processes come, are stopped, or die at any command with or without its reply, and Redis forgets
// its scripts.
func TestPropertyEveryEntryIsAnsweredOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		rapid.Check(t, func(rt *rapid.T) {
			b.rdb.FlushAll(ctx)
			b.rdb.ScriptFlush(ctx)
			w := &world{bench: b, t: rt, sent: map[string]sent{}, keys: map[order.Key]bool{}}
			defer w.stop()
			for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{
				"send", "send", "send", "begin", "begin", "issue", "stop", "forget",
			}), 1, 20).Draw(rt, "steps") {
				w.step(rt, step)
			}
			w.finish()
			w.check(rt)
		})
	})
}

// sent is what an entry holds.
type sent struct {
	key    order.Key
	amount int
	valid  bool
}

type world struct {
	*bench
	t         *rapid.T
	processes []*process
	sent      map[string]sent    // by the id of the entry
	keys      map[order.Key]bool // of valid orders; true when issued
	died      atomic.Bool        // one of them did not end well
}

func (w *world) step(rt *rapid.T, step string) {
	switch step {
	case "send":
		for range rapid.IntRange(1, 6).Draw(rt, "entries") {
			w.send(rt)
		}
	case "begin":
		w.begin(rapid.Int64Range(1, 40).Draw(rt, "lives"), rapid.Bool().Draw(rt, "last one is sent"))
	case "issue":
		w.issueAll()
	case "stop":
		w.stop()
	case "forget":
		w.rdb.ScriptFlush(ctx)
	}
}

func (w *world) send(rt *rapid.T) {
	s := sent{
		key:    key(rapid.SampledFrom([]string{"M1", "F1", "F2"}).Draw(rt, "merchant"), ref(rapid.IntRange(0, 6).Draw(rt, "ref"))),
		amount: rapid.IntRange(1, 2).Draw(rt, "amount"),
		valid:  rapid.IntRange(0, 4).Draw(rt, "valid") > 0,
	}
	text := event(s.key.MerchantID, s.key.Ref, s.amount)
	if s.valid {
		issued := w.keys[s.key]
		w.keys[s.key] = issued // it is one to look for, if it was not before
	} else {
		text = text[1:]
	}
	w.sent[w.add(w.t, "order", text)] = s
}

func hastier(c *stream.Config) { c.Abandoned = 3 * soon }

// begin starts a process that dies after some commands.
func (w *world) begin(lives int64, last bool) {
	var p *process
	p = newProcess(w.t, w.addr, hastier, mortal(lives, last, func() { w.died.Store(true); p.end() }))
	p.NeverPoison()
	p.begin()
	w.processes = append(w.processes, p)
}

func (w *world) stop() {
	for _, p := range w.processes {
		p.close()
	}
	w.processes = nil
	if w.rdb.Exists(ctx, stream.Lease(keys)).Val() > 0 && !w.died.Load() {
		w.t.Error("a process that ended well keeps the lease")
	}
}

// issueAll gives every open order its link, so that its merchant has room.
func (w *world) issueAll() {
	for k, issued := range w.keys {
		if !issued && w.knows(w.t, k) {
			w.issue(w.t, k)
			w.keys[k] = true
		}
	}
}

// finish lets one process live until nothing is left to do.
func (w *world) finish() {
	p := newProcess(w.t, w.addr, hastier)
	p.NeverPoison()
	p.begin()
	w.processes = append(w.processes, p)
	eventually(w.t, "all entries are handled", func() bool {
		w.rdb.Del(ctx, stream.Lease(keys)) // it would run out, but not soon, and on miniredis never
		w.issueAll()
		return w.handled(keys.Orders()) && w.nobodyWaits()
	})
	w.died.Store(false)
	w.stop()
}

func (w *world) check(rt *rapid.T) {
	answers := w.answers(w.t)
	taken := map[order.Key]int{} // the amount with which an order was accepted
	for id, s := range w.sent {
		if s.valid && len(answers[id]) == 0 {
			if other := taken[s.key]; other != 0 && other != s.amount {
				rt.Errorf("orders of %v with amounts %d and %d were both taken", s.key, other, s.amount)
			}
			taken[s.key] = s.amount
		}
	}
	for id, s := range w.sent {
		want := ""
		switch {
		case !s.valid:
			want = results.OrderRejected
		case taken[s.key] != s.amount:
			want = results.OrderConflict
		}
		if got := answers[id]; want == "" && len(got) != 0 || want != "" && (len(got) != 1 || got[0].Type != want) {
			rt.Errorf("entry %s (%+v) was answered by %+v, want %q once", id, s, got, want)
		}
	}
	for k := range w.keys {
		if !w.knows(w.t, k) || taken[k] == 0 {
			rt.Errorf("there is no order %v", k)
		}
	}
	refused := int64(len(answers))
	if n := w.rdb.XLen(ctx, keys.DeadLetters()).Val(); n != refused {
		rt.Errorf("%d dead letters of %d refused entries", n, refused)
	}
}
