package ledger_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestInterleavings lets producers, workers, a reaper and a clock interleave at random, with replies
// lost and scripts forgotten on the way, and holds every answer and all of the ledger against the model.
func TestInterleavings(t *testing.T) {
	interleave(t, func(w *machine) map[string]func(*rapid.T) {
		return map[string]func(*rapid.T){
			"accept": w.accept, "acceptMany": w.acceptMany, "claim": w.claim, "issue": w.issue, "fail": w.fail,
			"release": w.release, "replay": w.replay, "discard": w.discard, "due": w.due,
			"openBatch": w.openBatch, "sealBatch": w.sealBatch, "cancelBatch": w.cancelBatch,
			"unhold": w.unhold, "retime": w.retime, "live": w.live, "die": w.die,
			"wait": w.wait, "forget": w.forget, "": w.check,
		}
	})
}

// TestEmailInterleavings does the same for what follows the link: few orders, much to do about their emails.
func TestEmailInterleavings(t *testing.T) {
	interleave(t, func(w *machine) map[string]func(*rapid.T) {
		return map[string]func(*rapid.T){
			"mailed order": w.mailedOrder, "accept": w.accept,
			"claimEmail": w.claimEmail, "claimEmail again": w.claimEmail, "emailed": w.emailed, "emailed again": w.emailed,
			"replayEmail": w.replayEmail, "dueEmails": w.dueEmails, "unholdMail": w.unholdMail, "retime": w.retime,
			"live": w.live, "die": w.die, "wait": w.wait, "forget": w.forget, "": w.check,
		}
	})
}

func interleave(t *testing.T, steps func(*machine) map[string]func(*rapid.T)) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb, plain := redistest.Client(t, addr), redistest.Client(t, addr)
		hook := &lostReplies{flush: func() error { return plain.ScriptFlush(ctx).Err() }}
		rdb.AddHook(hook)
		rapid.Check(t, func(t *rapid.T) {
			if err := plain.FlushAll(ctx).Err(); err != nil {
				t.Fatal(err)
			}
			hook.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "losses"), 1))
			hook.differed, hook.off = nil, false
			w := &machine{l: ledger.NewWithTestClock(rdb), rdb: plain, hook: hook, m: newModel()}
			w.setClock(t)
			t.Repeat(steps(w))
		})
	})
}

// machine drives the ledger and the model side by side.
type machine struct {
	l        *ledger.Ledger
	rdb      *redis.Client
	hook     *lostReplies
	m        *model
	attempts []ledger.Attempt // all that were ever granted, however stale
	links    int
	taskIDs  map[string]bool
	emails   []ledger.EmailAttempt // all that were ever granted, however stale
}

var (
	keys          = rapid.SampledFrom([]order.Key{key("a"), key("b"), {MerchantID: "M:1", Ref: "x/y {z}"}})
	contents      = rapid.SampledFrom([]string{"red", "blue", "green"})
	lanes         = rapid.SampledFrom([]order.Lane{order.Interactive, order.Bulk})
	codes         = rapid.SampledFrom([]string{"rejected", ledger.CodePossiblyIssued})
	workers       = rapid.SampledFrom([]string{"", "w1", "w2"})
	moves         = rapid.SampledFrom([]ledger.BreakerMove{ledger.LeaveBreaker, ledger.TripBreaker, ledger.CloseBreaker})
	batchIDs      = rapid.SampledFrom([]string{"", "b1", "b2"})
	slotIntervals = rapid.SampledFrom([]time.Duration{0, 20 * time.Millisecond})
	bounds        = rapid.SampledFrom([]int{0, 0, 1, 2})
	leases        = rapid.SampledFrom([]time.Duration{time.Millisecond, 18 * time.Second})
)

func (w *machine) setClock(t *rapid.T) {
	if err := w.rdb.Set(ctx, ledger.TestClock, w.m.ms*1000, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// tick passes a millisecond before each step, so that no two tasks have one id.
func (w *machine) tick(t *rapid.T) {
	w.m.ms++
	w.setClock(t)
}

func (w *machine) wait(t *rapid.T) {
	w.m.ms += rapid.Int64Range(0, 30_000).Draw(t, "ms")
	w.setClock(t)
}

func (w *machine) draw(t *rapid.T) (ledger.Submission, string) {
	content := contents.Draw(t, "content")
	s := submission(keys.Draw(t, "order"), content)
	s.Lane = lanes.Draw(t, "lane")
	if o := w.m.orders[s.Key]; o != nil && !o.waitsForLink() && rapid.Bool().Draw(t, "reissue") {
		s.Reissue = o.gen
	}
	s.MaxOpen, s.Batch, s.Mail = bounds.Draw(t, "bound"), batchIDs.Draw(t, "batch"), rapid.Bool().Draw(t, "mail")
	return s, content
}

func (w *machine) accept(t *rapid.T) {
	w.tick(t)
	s, content := w.draw(t)
	got, err := w.l.Accept(ctx, s)
	w.accepted(t, s, content, got, err)
}

func (w *machine) acceptMany(t *rapid.T) {
	w.tick(t)
	var all []ledger.Submission
	var named []string
	seen := map[order.Key]bool{}
	for range rapid.IntRange(0, 3).Draw(t, "orders") {
		if s, content := w.draw(t); !seen[s.Key] {
			seen[s.Key] = true
			all, named = append(all, s), append(named, content)
		}
	}
	got, errs := w.l.AcceptAll(ctx, all)
	for i := range all {
		w.accepted(t, all[i], named[i], got[i], errs[i])
	}
}

func (w *machine) accepted(t *rapid.T, s ledger.Submission, content string, got ledger.Acceptance, err error) {
	must(t, err)
	want := w.m.accept(s, content)
	if want == ledger.Full || want == ledger.Closed {
		if got.Decision != want {
			t.Fatalf("accept: got %+v, want %s", got, want)
		}
		return
	}
	if got.Decision != want || got.Generation != w.m.orders[s.Key].gen {
		t.Fatalf("accept: got %+v, want %s of generation %d", got, want, w.m.orders[s.Key].gen)
	}
	if want == ledger.Accepted {
		w.newTask(t, got.TaskID)
	}
	if o := w.m.orders[s.Key]; want == ledger.Conflict && o.content != content && !slices.Equal(got.Differs, []string{"amount"}) {
		t.Fatalf("conflict names %v", got.Differs)
	}
}

func (w *machine) newTask(t *rapid.T, id string) {
	if w.taskIDs[id] {
		t.Fatalf("task id %s was used before", id)
	}
	if w.taskIDs == nil {
		w.taskIDs = map[string]bool{}
	}
	w.taskIDs[id] = true
}

func (w *machine) claim(t *rapid.T) {
	w.tick(t)
	nonce, lease := ledger.NewNonce(), leases.Draw(t, "lease")
	s, content := w.draw(t)
	s.Reissue, s.MaxOpen, s.Batch = 0, 0, "" // a task never asks for that
	var full *ledger.Submission
	if rapid.Bool().Draw(t, "whole order in the task") {
		full = &s
	}
	worker := workers.Draw(t, "worker")
	got, err := w.l.ForWorker(worker).Claim(ctx, s.Key, nonce, lease, full)
	must(t, err)
	want := w.m.claim(s.Key, worker, nonce, lease.Milliseconds(), full, content)
	if got.Grant != want {
		t.Fatalf("claim: got %+v, want %s", got, want)
	}
	if want == ledger.Granted {
		w.granted(t, got.Attempt)
	}
	if want == ledger.AlreadyIssued && got.Record.Link != w.m.orders[s.Key].link {
		t.Fatalf("claim answers link %v, published is %v", got.Record.Link, w.m.orders[s.Key].link)
	}
}

func (w *machine) granted(t *rapid.T, a ledger.Attempt) {
	o := w.m.orders[a.Key]
	age := time.Duration(w.m.ms-o.first-o.excused) * time.Millisecond
	if a.Generation != o.gen || a.Number != o.n || a.Attempts != o.attempts || a.Uncertain != o.uncertain ||
		a.Age != age || a.Probe != o.probe || a.Slot != o.slot || a.Lane != o.lane || string(a.Order) != "\x00"+o.content {
		t.Fatalf("granted %+v (age %v), want %+v (age %v)", a, a.Age, *o, age)
	}
	w.attempts = append(w.attempts, a)
}

func (w *machine) attempt(t *rapid.T) ledger.Attempt {
	if len(w.attempts) == 0 {
		t.Skip("no attempt yet")
	}
	w.tick(t)
	return rapid.SampledFrom(w.attempts).Draw(t, "attempt")
}

func (w *machine) issue(t *rapid.T) {
	a := w.attempt(t)
	w.links++
	link := ledger.Link{ID: fmt.Sprint("L", w.links), URL: "https://pay.example/" + strings.Repeat("x", rapid.IntRange(1, 80).Draw(t, "length"))}
	if o := w.m.orders[a.Key]; o != nil && o.link.ID != "" && rapid.Bool().Draw(t, "same link again") {
		link = o.link
	}
	got, err := w.l.Issue(ctx, a, ledger.Issuance{Link: link, Amount: "10", Currency: "EUR"})
	must(t, err)
	if want := w.m.issue(a, link); got != want {
		t.Fatalf("issue: got %s, want %s", got, want)
	}
}

func (w *machine) fail(t *rapid.T) {
	a := w.attempt(t)
	f := ledger.Failure{Code: codes.Draw(t, "code"), Message: "no", Asked: rapid.Bool().Draw(t, "asked"), Well: rapid.Bool().Draw(t, "well"), Uncertain: rapid.Bool().Draw(t, "uncertain")}
	got, err := w.l.Fail(ctx, a, f)
	must(t, err)
	if want := w.m.fail(a, f); got != want {
		t.Fatalf("fail: got %s, want %s", got, want)
	}
}

func (w *machine) release(t *rapid.T) {
	a := w.attempt(t)
	r := ledger.Return{
		After: time.Duration(rapid.IntRange(0, 20_000).Draw(t, "after")) * time.Millisecond, Why: "unavailable",
		Asked: rapid.Bool().Draw(t, "asked"), Uncertain: rapid.Bool().Draw(t, "uncertain"), Excused: rapid.Bool().Draw(t, "excused"),
		Slot: slotIntervals.Draw(t, "slot"), Breaker: moves.Draw(t, "breaker"),
	}
	got, err := w.l.Release(ctx, a, r)
	must(t, err)
	if want := w.m.release(a, r); got != want {
		t.Fatalf("release: got %s, want %s", got, want)
	}
}

func (w *machine) replay(t *rapid.T) {
	w.tick(t)
	k, gen := keys.Draw(t, "order"), rapid.IntRange(1, 3).Draw(t, "generation")
	got, err := w.l.Replay(ctx, k, gen, ledger.NewNonce())
	want := w.m.replay(k, gen)
	if want && err == nil {
		w.newTask(t, got.TaskID)
	} else if want || !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("replay: got %+v %v, want %v", got, err, want)
	}
}

func (w *machine) discard(t *rapid.T) {
	w.tick(t)
	k, gen := keys.Draw(t, "order"), rapid.IntRange(1, 3).Draw(t, "generation")
	err := w.l.Discard(ctx, k, gen)
	if want := w.m.discard(k, gen); want != (err == nil) || (err != nil && !errors.Is(err, ledger.ErrStale)) {
		t.Fatalf("discard: got %v, want %v", err, want)
	}
}

func (w *machine) due(t *rapid.T) {
	w.tick(t)
	waiting, since := ledger.Waiting{Empty: true}, int64(0)
	if rapid.Bool().Draw(t, "tasks wait") {
		since = w.m.ms - rapid.Int64Range(0, 40_000).Draw(t, "since")
		waiting = ledger.Waiting{Oldest: rapid.SliceOfN(keys, 0, 3).Draw(t, "oldest"), Since: time.UnixMilli(since)}
	}
	lane := lanes.Draw(t, "lane")
	w.hook.off = true // what one reaper takes, another does not get
	due, err := w.l.Due(ctx, lane, waiting, 100)
	w.hook.off = false
	must(t, err)
	var got []order.Key
	for _, d := range due {
		w.newTask(t, d.TaskID)
		got = append(got, d.Key)
	}
	sort.Slice(got, func(i, j int) bool { return got[i].Ref < got[j].Ref })
	if want := w.m.due(lane, since, waiting.Oldest); !slices.Equal(got, want) {
		t.Fatalf("due: got %v, want %v", got, want)
	}
}

func (w *machine) unhold(t *rapid.T) {
	w.tick(t)
	w.hook.off = true
	due, err := w.l.Unhold(ctx, 100)
	w.hook.off = false
	must(t, err)
	got := map[order.Key]bool{}
	for _, d := range due {
		w.newTask(t, d.TaskID)
		if got[d.Key] = true; d.Lane != w.m.orders[d.Key].lane {
			t.Fatalf("unhold gives %s back on lane %s", d.Key, d.Lane)
		}
	}
	want := map[order.Key]bool{}
	for _, k := range w.m.unhold() {
		want[k] = true
	}
	if !maps.Equal(got, want) {
		t.Fatalf("unhold: got %v, want %v", got, want)
	}
}

func (w *machine) live(t *rapid.T) {
	worker := workers.Filter(func(s string) bool { return s != "" }).Draw(t, "worker")
	must(t, w.l.ForWorker(worker).Live(ctx))
	w.m.alive[worker] = true
}

func (w *machine) die(t *rapid.T) {
	w.tick(t)
	worker := workers.Draw(t, "worker")
	if !w.m.alive[worker] {
		t.Skip("not alive")
	}
	w.hook.off = true // a dead worker is buried once
	buried, err := w.l.Bury(ctx, worker)
	w.hook.off = false
	must(t, err)
	if !buried {
		t.Fatalf("%s was not buried", worker)
	}
	w.m.bury(worker)
}

// forget lets the retention of a settled order run out. (Batches are forgotten as a whole, and not before.)
func (w *machine) forget(t *rapid.T) {
	k := keys.Draw(t, "order")
	if o := w.m.orders[k]; o == nil || o.kept || len(o.batches) > 0 || o.mail.kept() {
		t.Skip("nothing that expires")
	}
	must(t, w.rdb.Del(ctx, w.l.Keys().Record(k)).Err())
	delete(w.m.orders, k)
}

// check holds everything in Redis against the model.
func (w *machine) check(t *rapid.T) {
	if len(w.hook.differed) > 0 {
		t.Fatalf("run again, a script answered otherwise:\n%s", strings.Join(w.hook.differed, "\n"))
	}
	want := map[string]float64{}
	for k, o := range w.m.orders {
		switch {
		case o.held:
			want[w.l.Keys().Held(k.MerchantID, o.lane)+" "+k.String()] = float64(o.parked)
		case o.inQueue():
			want[w.l.Keys().Queued(o.lane)+" "+k.String()] = float64(o.look)
		case o.state == ledger.Sending:
			want[w.l.Keys().Sending(o.lane)+" "+k.String()] = float64(o.look)
		}
		w.checkRecord(t, k, o)
		w.addMail(want, k, o)
	}
	got := map[string]float64{}
	for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
		for _, set := range []string{
			w.l.Keys().Queued(lane), w.l.Keys().Sending(lane), w.l.Keys().Held("M-1", lane), w.l.Keys().Held("M:1", lane),
			w.l.Keys().Queued(ledger.Mailing), w.l.Keys().Sending(ledger.Mailing), w.l.Keys().MailHeld("M-1"), w.l.Keys().MailHeld("M:1"), w.l.Keys().FailedEmails(),
		} {
			for _, z := range must1(w.rdb.ZRangeWithScores(ctx, set, 0, -1).Result())(t) {
				got[set+" "+z.Member.(string)] = z.Score
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Fatalf("open orders:\ngot  %v\nwant %v", got, want)
	}
	w.checkOpenCounts(t)
	w.checkBatches(t)
	w.checkStreams(t)
}

// checkOpenCounts holds the number that back-pressure goes by against the orders that are really open.
func (w *machine) checkOpenCounts(t *rapid.T) {
	want := map[string]int{}
	for k, o := range w.m.orders {
		if o.open() {
			want[k.MerchantID]++
		}
	}
	if got := must1(w.l.OpenOrders(ctx))(t); !maps.Equal(got, want) {
		t.Fatalf("open orders of merchants: got %v, want %v", got, want)
	}
}

func (w *machine) checkRecord(t *rapid.T, k order.Key, o *modelOrder) {
	r, found, err := w.l.Get(ctx, k)
	must(t, err)
	if !found || r.State != o.state || r.Generation != o.gen || r.Attempts != o.attempts || r.Uncertain != o.uncertain || r.Surplus != len(o.spare) {
		t.Fatalf("record of %s: got %v %+v, want %+v", k, found, r, *o)
	}
	if o.state == ledger.Issued && r.Link != o.link {
		t.Fatalf("record of %s: link %v, want %v", k, r.Link, o.link)
	}
	listed := w.rdb.ZScore(ctx, w.l.Keys().Failed(), k.String()).Err() == nil
	if listed != o.listed {
		t.Fatalf("%s in the list of failed orders: %v, want %v", k, listed, o.listed)
	}
}

func (w *machine) checkStreams(t *rapid.T) {
	var ids, spare []string
	for _, e := range must1(w.rdb.XRange(ctx, w.l.Keys().Results(), "-", "+").Result())(t) {
		ids = append(ids, e.Values["id"].(string))
	}
	if !slices.Equal(ids, w.m.events) {
		t.Fatalf("events:\ngot  %v\nwant %v", ids, w.m.events)
	}
	for _, e := range must1(w.rdb.XRange(ctx, w.l.Keys().Surplus(), "-", "+").Result())(t) {
		k := order.Key{MerchantID: e.Values["merchant_id"].(string), Ref: e.Values["merchant_txn_ref"].(string)}
		spare = append(spare, fmt.Sprintf("%s %s %s", k, e.Values["generation"], e.Values["link_id"]))
	}
	if !slices.Equal(spare, w.m.surplus) {
		t.Fatalf("surplus links:\ngot  %v\nwant %v", spare, w.m.surplus)
	}
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1[T any](v T, err error) func(*rapid.T) T {
	return func(t *rapid.T) T {
		must(t, err)
		return v
	}
}

func (w *machine) retime(t *rapid.T) {
	w.tick(t)
	again, model := w.l.Retime, w.m.retime
	if rapid.Bool().Draw(t, "emails") {
		again, model = w.l.RetimeMail, w.m.retimeMail
	}
	interval := rapid.SampledFrom([]time.Duration{0, 10 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond}).Draw(t, "interval")
	merchant := rapid.SampledFrom([]string{"M-1", "M:1"}).Draw(t, "merchant")
	got := map[order.Key]time.Duration{}
	w.hook.off = true // run again, it finds them in their places
	err := again(ctx, merchant, interval, func(moved []ledger.Retimed) error {
		for _, r := range moved {
			w.newTask(t, r.TaskID)
			got[r.Key] = r.In
		}
		return nil
	})
	w.hook.off = false
	must(t, err)
	if want := model(merchant, interval); !maps.Equal(got, want) {
		t.Fatalf("retimed %v, want %v", got, want)
	}
}
