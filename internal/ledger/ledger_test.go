package ledger_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// each runs a test on an empty ledger, on both kinds of Redis.
func each(t *testing.T, f func(t *testing.T, l *ledger.Ledger, rdb *redis.Client)) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		f(t, ledger.New(rdb, "hpp", 0), rdb)
	})
}

// onTestClock is each, with a clock that stands still until it is set.
func onTestClock(t *testing.T, f func(t *testing.T, l *ledger.Ledger, at func(second int))) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		f(t, ledger.NewWithTestClock(rdb), func(second int) {
			rdb.Set(ctx, ledger.TestClock, (1_700_000_000+second)*1_000_000, 0)
		})
	})
}

func accept(t *testing.T, l *ledger.Ledger, s ledger.Submission) ledger.Acceptance {
	t.Helper()
	a, err := l.Accept(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func claim(t *testing.T, l *ledger.Ledger, k order.Key) ledger.Attempt {
	t.Helper()
	c, err := l.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("claim: %+v %v", c, err)
	}
	return c.Attempt
}

func settle(t *testing.T, want ledger.Settlement, got ledger.Settlement, err error) {
	t.Helper()
	if err != nil || got != want {
		t.Fatalf("got %q %v, want %q", got, err, want)
	}
}

var usualLink = ledger.Link{
	ID:  "f49173ce-4916-445c-a831-3c1468acf14e",
	URL: "https://checkout-dev.paymentoptions.com/jp/HostedPaymentPage/hKJsdByRab",
}

func TestResultOfALink(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		k := order.Key{MerchantID: "M:1", Ref: "注文 7"}
		accept(t, l, submission(k, "red"))
		a := claim(t, l, k)
		got, err := l.Issue(ctx, a, ledger.Issuance{
			Link: usualLink, Amount: "12.5", Currency: "KWD", Metadata: map[string]string{"cart": `"9"`},
		})
		settle(t, ledger.SettledIssued, got, err)

		e := events(t, rdb, l)[0]
		at, err := time.Parse(time.RFC3339, e["time"].(string))
		if age := time.Since(at); err != nil || age < -time.Minute || age > time.Minute {
			t.Errorf("time of the event: %v %v", e["time"], err)
		}
		delete(e, "time")
		want := map[string]any{
			"v": "1", "id": "M%3A1:%E6%B3%A8%E6%96%87%207:1:link.issued", "type": "link.issued",
			"merchant_id": "M:1", "merchant_txn_ref": "注文 7", "generation": "1", "batch": "",
			"data": `{"url":"` + usualLink.URL + `","link_id":"` + usualLink.ID +
				`","amount":"12.5","currency":"KWD","metadata":{"cart":"\"9\""},"attempts":1,"uncertain":false}`,
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Error(diff)
		}
	})
}

func TestResultOfAFailure(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		k := key("r")
		accept(t, l, submission(k, "red"))
		got, err := l.Release(ctx, claim(t, l, k), ledger.Return{Asked: true, Uncertain: true, Why: "timeout"})
		settle(t, ledger.SettledReleased, got, err)
		got, err = l.Fail(ctx, claim(t, l, k), ledger.Failure{Code: "possibly_issued", Message: "no", Asked: true})
		settle(t, ledger.SettledFailed, got, err)

		e := events(t, rdb, l)[0]
		want := `{"code":"possibly_issued","message":"no","metadata":{},"attempts":2,"uncertain":true}`
		if e["type"] != "link.failed" || e["data"] != want {
			t.Errorf("got %v %v, want %v", e["type"], e["data"], want)
		}
	})
}

func TestSentAgain(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		k := key("r")
		accept(t, l, submission(k, "red"))
		if a := accept(t, l, submission(k, "red")); a.Decision != ledger.Known || a.Record.State != ledger.Queued {
			t.Errorf("the same order while open: %+v", a)
		}
		attempt := claim(t, l, k)
		got, err := l.Issue(ctx, attempt, ledger.Issuance{Link: usualLink, Amount: "10", Currency: "EUR"})
		settle(t, ledger.SettledIssued, got, err)

		a := accept(t, l, submission(k, "red"))
		if a.Decision != ledger.Known || a.Record.Link != usualLink || a.Record.Amount != "10" || a.Record.Currency != "EUR" {
			t.Errorf("the same order once issued: %+v", a)
		}
		a = accept(t, l, submission(k, "blue"))
		if a.Decision != ledger.Conflict || !cmp.Equal(a.Differs, []string{"amount"}) || a.Record.Link != usualLink {
			t.Errorf("another order under the ref: %+v", a)
		}
		if n := len(events(t, rdb, l)); n != 1 {
			t.Errorf("%d events, want the one link", n)
		}
	})
}

func TestAFingerprintOfAnOlderVersionIsKnown(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		old, upgraded := submission(key("r"), "red"), submission(key("r"), "red")
		accept(t, l, old)
		upgraded.Fingerprint.Sum = "2:other " + old.Fingerprint.Sum
		if a := accept(t, l, upgraded); a.Decision != ledger.Known {
			t.Errorf("a resend after an upgrade: %+v", a)
		}
	})
}

func TestClaimOfAnUnknownOrderLeavesNothingOpen(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		k := key("gone")
		accept(t, l, submission(k, "red"))
		rdb.Del(ctx, l.Keys().Record(k))
		c, err := l.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
		if err != nil || c.Grant != ledger.UnknownToLedger {
			t.Fatalf("claim: %+v %v", c, err)
		}
		if n, err := l.Counts(ctx); err != nil || n.Open() != 0 {
			t.Errorf("open: %+v %v", n, err)
		}
	})
}

func TestLeaseCountsFromBeforeTheClaim(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		accept(t, l, submission(key("r"), "red"))
		before := time.Now()
		a := claim(t, l, key("r"))
		if end := before.Add(time.Minute); a.LeaseEnds.After(end.Add(time.Since(before))) || a.LeaseEnds.Before(end) {
			t.Errorf("lease ends %v after the claim was begun, want a minute", a.LeaseEnds.Sub(before))
		}
	})
}

func TestPipelinesOutliveAForgottenScript(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		var all []ledger.Submission
		for _, ref := range strings.Fields("a b c d") {
			all = append(all, submission(key(ref), "red"))
		}
		rdb.ScriptFlush(ctx)
		answers, errs := l.AcceptAll(ctx, all)
		for i := range all {
			if errs[i] != nil || answers[i].Decision != ledger.Accepted {
				t.Errorf("%s: %+v %v", all[i].Key, answers[i], errs[i])
			}
		}
	})
}

func TestRejections(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		problems := []order.Problem{{Field: "/amount", Message: "must be above zero"}}
		if err := l.Reject(ctx, ledger.Rejection{SourceID: "task-1", Key: key("r"), Problems: problems}); err != nil {
			t.Fatal(err)
		}
		if err := l.RejectConflict(ctx, "task-2", key("r"), []string{"amount"}); err != nil {
			t.Fatal(err)
		}
		all := events(t, rdb, l)
		if all[0]["type"] != "order.rejected" || all[0]["id"] != "task-1:order.rejected" ||
			all[0]["data"] != `{"source_id":"task-1","errors":[{"field":"/amount","message":"must be above zero"}]}` {
			t.Errorf("%v", all[0])
		}
		if all[1]["type"] != "order.conflict" || all[1]["data"] != `{"source_id":"task-2","fields":["amount"]}` {
			t.Errorf("%v", all[1])
		}
	})
}

// A queue is first in, first out: an order whose task should be ahead of the oldest waiting
// one has lost it, and one behind is only waiting.
func TestDueTellsLostFromWaiting(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		for i, ref := range strings.Fields("lost waiting behind") {
			at(10 * i)
			accept(t, l, submission(key(ref), "red"))
		}
		at(100)
		due := func(w ledger.Waiting) (refs []string) {
			all, err := l.Due(ctx, order.Interactive, w, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range all {
				refs = append(refs, d.Key.Ref)
			}
			slices.Sort(refs)
			return refs
		}
		waiting := ledger.Waiting{Oldest: []order.Key{key("unknown"), key("behind"), key("waiting")}, Since: time.Unix(1_700_000_200, 0)}
		if got := due(waiting); !cmp.Equal(got, []string{"lost"}) {
			t.Errorf("with tasks waiting: %v", got)
		}
		if got := due(waiting); len(got) != 0 {
			t.Errorf("a second reaper got %v", got)
		}
		if got := due(ledger.Waiting{Empty: true}); !cmp.Equal(got, []string{"behind", "waiting"}) {
			t.Errorf("with an empty queue: %v", got)
		}
		at(106)
		if got := due(ledger.Waiting{Empty: true}); !cmp.Equal(got, []string{"behind", "lost", "waiting"}) {
			t.Errorf("a grace later, still nobody at work: %v", got)
		}
	})
}

func TestSettledRecordIsSmall(t *testing.T) {
	rdb := redistest.Client(t, redistest.Server(t)) // miniredis does not measure
	l := ledger.New(rdb, "hpp", 0)
	k := order.Key{MerchantID: "M-10012345", Ref: "2003089893366DTEST"}
	s := submission(k, "red")
	s.Fingerprint = order.Fingerprint{Sum: "1:" + strings.Repeat("x", 22), Fields: strings.Repeat("axyz", 12)}
	s.Order = []byte(strings.Repeat("{}", 500))
	accept(t, l, s)
	got, err := l.Issue(ctx, claim(t, l, k), ledger.Issuance{Link: usualLink, Amount: "1000", Currency: "JPY"})
	settle(t, ledger.SettledIssued, got, err)

	used, err := rdb.MemoryUsage(ctx, l.Keys().Record(k)).Result()
	t.Logf("a settled order with a link of %d characters takes %d bytes", len(usualLink.URL), used)
	if err != nil || used > 600 {
		t.Errorf("want 600 bytes or fewer: %v", err)
	}
	if encoding := rdb.ObjectEncoding(ctx, l.Keys().Record(k)).Val(); encoding != "listpack" && encoding != "ziplist" {
		t.Errorf("encoding %q is not Redis' compact one", encoding)
	}
	if ttl := rdb.PTTL(ctx, l.Keys().Record(k)).Val(); ttl < ledger.DefaultRetention-time.Minute {
		t.Errorf("kept for %v, want %v", ttl, ledger.DefaultRetention)
	}
}

func TestErrorsAreWrapped(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer rdb.Close()
	l := ledger.New(rdb, "hpp", 0)
	_, err := l.Accept(ctx, submission(key("r"), "red"))
	if err == nil || !strings.HasPrefix(err.Error(), "ledger: accept: ") {
		t.Errorf("accept: %v", err)
	}
	_, err = l.Claim(ctx, key("r"), "n", time.Second, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "ledger: claim: ") {
		t.Errorf("claim: %v", err)
	}
}

func TestDataIsJSONWhateverIsInIt(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		accept(t, l, submission(key("r"), "red"))
		got, err := l.Fail(ctx, claim(t, l, key("r")), ledger.Failure{
			Code: "rejected", Message: "say \"no\"\n\x00</script>\u2028", Metadata: map[string]string{"}": ",\"x\":"},
		})
		settle(t, ledger.SettledFailed, got, err)
		var data map[string]any
		if err := json.Unmarshal([]byte(events(t, rdb, l)[0]["data"].(string)), &data); err != nil || data["attempts"] != 0.0 {
			t.Errorf("%v %v", data, err)
		}
	})
}

// TestRegressionStaleFrontHidTheBacklog: tasks at the front of the queue whose orders wait for a later time made
// all that waited behind them look lost.
func TestRegressionStaleFrontHidTheBacklog(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		at(0)
		accept(t, l, submission(key("put off"), "red"))
		got, err := l.Release(ctx, claim(t, l, key("put off")), ledger.Return{After: 10 * time.Minute, Asked: true})
		settle(t, ledger.SettledReleased, got, err)
		accept(t, l, submission(key("waiting"), "red"))
		at(100)
		front := ledger.Waiting{Oldest: []order.Key{key("put off")}, Since: time.Unix(1_700_000_000, 0)}
		if due, err := l.Due(ctx, order.Interactive, front, 10); err != nil || len(due) != 0 {
			t.Errorf("%+v %v", due, err)
		}
	})
}

// TestRegressionExpiredLeaseMadeTasksAgainAndAgain: until a worker reached its new task, an order whose lease
// had run out got another one every grace.
func TestRegressionExpiredLeaseMadeTasksAgainAndAgain(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		at(0)
		accept(t, l, submission(key("r"), "red"))
		claim(t, l, key("r"))
		backlog := ledger.Waiting{Oldest: []order.Key{key("other")}, Since: time.Unix(1_700_000_000, 0)}
		taken := 0
		for second := 61; second < 100; second++ {
			at(second)
			due, err := l.Due(ctx, order.Interactive, backlog, 10)
			if err != nil {
				t.Fatal(err)
			}
			taken += len(due)
		}
		if taken != 1 {
			t.Errorf("taken %d times while its task waits in a backlog", taken)
		}
	})
}

// TestRegressionExcusedWaitMadeAnOrderYounger: a wait that was left out of an order's age before the age had
// begun was subtracted from it later.
func TestRegressionExcusedWaitMadeAnOrderYounger(t *testing.T) {
	onTestClock(t, func(t *testing.T, l *ledger.Ledger, at func(second int)) {
		at(0)
		accept(t, l, submission(key("r"), "red"))
		got, err := l.Release(ctx, claim(t, l, key("r")), ledger.Return{After: time.Hour, Excused: true})
		settle(t, ledger.SettledReleased, got, err)
		at(3700)
		if a := claim(t, l, key("r")); a.Age != 0 {
			t.Errorf("age %v", a.Age)
		}
	})
}

// TestRegressionFullRedisTookOrders: Redis checks its memory before a script's first write only, and that one
// gave memory back; so a full Redis took order after order that nobody could work.
func TestRegressionFullRedisTookOrders(t *testing.T) {
	server := redistest.StartServer(t, "--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
	rdb := redistest.Client(t, server.Addr)
	l := ledger.New(rdb, "hpp", 0)
	filling := strings.Repeat("x", 10_000)
	for i := 0; rdb.Set(ctx, "filling"+strconv.Itoa(i), filling, 0).Err() == nil; i++ {
	}
	if _, err := l.Accept(ctx, submission(key("r"), "red")); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("accepted by a full Redis: %v", err)
	}
	if n := rdb.Exists(ctx, l.Keys().Record(key("r")), l.Keys().Queued(order.Interactive)).Val(); n != 0 {
		t.Errorf("%d keys of the refused order are left", n)
	}
}

// TestRegressionPublishedLinkListedAsSurplus: the reply of Issue was lost, the order was reissued, and the
// repeated Issue listed the published link as one that nobody was shown.
func TestRegressionPublishedLinkListedAsSurplus(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, rdb *redis.Client) {
		s := submission(key("r"), "red")
		accept(t, l, s)
		a := claim(t, l, key("r"))
		for range 2 {
			got, err := l.Issue(ctx, a, ledger.Issuance{Link: usualLink})
			settle(t, ledger.SettledIssued, got, err)
			s.Reissue = 1
			accept(t, l, s)
		}
		if n := rdb.XLen(ctx, l.Keys().Surplus()).Val(); n != 0 {
			t.Errorf("%d surplus links", n)
		}
	})
}

// TestTraceOfAnOrder: it comes with every right to work on the order, a replay goes on with it, and a settled record is without.
func TestTraceOfAnOrder(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		l := ledger.New(rdb, "t", 0)
		k := key("traced")
		s := submission(k, "a")
		s.Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		if _, err := l.Accept(ctx, s); err != nil {
			t.Fatal(err)
		}
		claim := func() ledger.Attempt {
			c, err := l.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
			if err != nil || c.Grant != ledger.Granted || c.Attempt.Trace != s.Trace || c.Attempt.Accepted.IsZero() {
				t.Fatalf("%+v, %v", c, err)
			}
			return c.Attempt
		}
		if got, err := l.Fail(ctx, claim(), ledger.Failure{Code: "rejected", Asked: true}); err != nil || got != ledger.SettledFailed {
			t.Fatal(got, err)
		}
		if _, err := l.Replay(ctx, k, 1, ledger.NewNonce()); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Issue(ctx, claim(), ledger.Issuance{Link: ledger.Link{ID: "L", URL: "https://pay.example/L"}}); err != nil || got != ledger.SettledIssued {
			t.Fatal(got, err)
		}
		if rdb.HExists(ctx, l.Keys().Record(k), "trace").Val() {
			t.Error("a settled record keeps its trace")
		}
	})
}
