package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// deadLetters is a ledger with failed orders, and the command line beside it.
type deadLetters struct {
	*testing.T
	ledger *ledger.Ledger
	rdb    *redis.Client
	ctx    context.Context
	out    func([]byte) // sees what is written to standard output
}

func eachDeadLetters(t *testing.T, f func(*deadLetters)) {
	redistest.Each(t, func(t *testing.T, addr string) { f(newDeadLetters(t, addr)) })
}

func newDeadLetters(t *testing.T, addr string) *deadLetters {
	t.Helper()
	t.Setenv("HPPLINK_REDIS", "redis://"+addr+"/0")
	t.Setenv("HPPLINK_MERCHANT_ID", "M-1")
	rdb := redistest.Client(t, addr)
	return &deadLetters{T: t, ledger: ledger.New(rdb, "hpp", 0), rdb: rdb, ctx: t.Context()}
}

// run runs one command line, which must end with the code, and returns what it wrote.
func (d *deadLetters) run(code int, args ...string) (stdout, stderr string) {
	d.Helper()
	var out, errs bytes.Buffer
	s := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}
	if d.out != nil {
		s.Out = io.MultiWriter(&out, seeing(d.out))
	}
	if got := cli.Run(d.ctx, args, s); got != code {
		d.Fatalf("hpplink %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, cut(out.String()), errs.String())
	}
	return out.String(), errs.String()
}

type seeing func([]byte)

func (f seeing) Write(b []byte) (int, error) { f(b); return len(b), nil }

func cut(s string) string { return s[:min(len(s), 2000)] }

type failure struct {
	merchant, ref, code string
	uncertain           bool
	age                 time.Duration
}

// fail makes failed orders, from handing them in until they failed.
func (d *deadLetters) fail(failures ...failure) {
	d.Helper()
	submissions := make([]ledger.Submission, len(failures))
	for i, f := range failures {
		submissions[i] = ledger.Submission{
			Key: order.Key{MerchantID: f.merchant, Ref: f.ref}, Lane: order.Bulk,
			Fingerprint: order.Fingerprint{Sum: "1:x", Fields: "a123"}, Order: []byte("{}"),
		}
	}
	_, errs := d.ledger.AcceptAll(d.Context(), submissions)
	for i, f := range failures {
		if errs[i] != nil {
			d.Fatal(errs[i])
		}
		d.failOpen(submissions[i].Key, f)
		if f.age > 0 {
			d.backdate(submissions[i].Key, f.age)
		}
	}
}

func (d *deadLetters) failOpen(k order.Key, f failure) {
	d.Helper()
	claim := func() ledger.Attempt {
		c, err := d.ledger.Claim(d.Context(), k, ledger.NewNonce(), time.Minute, nil)
		if err != nil || c.Grant != ledger.Granted {
			d.Fatalf("claim: %+v %v", c, err)
		}
		return c.Attempt
	}
	if f.uncertain {
		if _, err := d.ledger.Release(d.Context(), claim(), ledger.Return{Asked: true, Uncertain: true}); err != nil {
			d.Fatal(err)
		}
	}
	got, err := d.ledger.Fail(d.Context(), claim(), ledger.Failure{Code: f.code, Message: "no", Asked: true})
	if err != nil || got != ledger.SettledFailed {
		d.Fatalf("fail: %s %v", got, err)
	}
}

// backdate makes an order have failed earlier.
func (d *deadLetters) backdate(k order.Key, age time.Duration) {
	at := time.Now().Add(-age).UnixMilli()
	d.rdb.ZAdd(d.Context(), d.ledger.Keys().Failed(), redis.Z{Score: float64(at), Member: k.String()})
	d.rdb.HSet(d.Context(), d.ledger.Keys().Record(k), "settled", at)
}

func (d *deadLetters) many(n int) {
	d.Helper()
	all := make([]failure, n)
	for i := range all {
		all[i] = failure{merchant: "M-1", ref: fmt.Sprintf("INV-%05d", i), code: "rejected"}
	}
	d.fail(all...)
}

func (d *deadLetters) counts() (failed, queued, tasks int) {
	d.Helper()
	n, err := d.ledger.Counts(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	waiting, err := d.rdb.LLen(d.Context(), "asynq:{hpp-bulk}:pending").Result()
	if err != nil {
		d.Fatal(err)
	}
	return n.Failed, n.Queued[order.Bulk], int(waiting)
}

// refs are the refs in JSON lines, with what became of them where that is told.
func (d *deadLetters) refs(lines string) (refs []string) {
	d.Helper()
	for line := range strings.Lines(lines) {
		var o struct {
			Status string `json:"status"`
			Ref    string `json:"merchant_txn_ref"`
		}
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			d.Fatalf("%q: %v", line, err)
		}
		refs = append(refs, strings.TrimSpace(o.Ref+" "+o.Status))
	}
	slices.Sort(refs)
	return refs
}

// sample has one failed order of each kind.
var sample = []failure{
	{"M-1", "old", "gave_up", false, 50 * time.Hour},
	{"M-1", "fresh", "rejected", false, 0},
	{"M-1", "maybe", "gave_up", true, 2 * time.Hour},
	{"M-2", "twice", "possibly_issued", false, 0},
	{"M-2", "other", "rejected", false, 3 * time.Hour},
}

func TestFailedList(t *testing.T) {
	cases := map[string]string{ // arguments: refs
		"":                                    "fresh maybe old other twice",
		"--merchant-id M-2":                   "other twice",
		"--merchant-id M-2 --code rejected":   "other",
		"--code gave_up":                      "maybe old",
		"--older-than 2h30m":                  "old other",
		"--younger-than 1d":                   "fresh maybe other twice",
		"--older-than 1h --younger-than 2d1h": "maybe other",
		"--older-than 30d":                    "",
		"--limit 2":                           "old other",
		"--limit 1 --merchant-id M-2":         "other",
	}
	eachDeadLetters(t, func(d *deadLetters) {
		d.fail(sample...)
		for args, want := range cases {
			out, errs := d.run(0, append([]string{"failed", "list", "--json"}, strings.Fields(args)...)...)
			if got := strings.Join(d.refs(out), " "); got != want || errs != "" {
				d.Errorf("failed list %s: %q %s, want %q", args, got, errs, want)
			}
		}
		out, errs := d.run(0, "failed", "list")
		lines := strings.Split(out, "\n")
		if errs != "5 failed orders\n" || len(lines) != 7 || strings.Fields(lines[0])[0] != "FAILED" || !strings.Contains(lines[1], "old  ") {
			d.Errorf("for people:\n%s%s", out, errs)
		}
	})
}

func TestFailedChoice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "orders")
	content := "\ufeffold\r\n\n{\"merchant_id\":\"M-2\",\"merchant_txn_ref\":\"other\",\"generation\":1}\nold\nmaybe\n" +
		"{\"merchant_id\":\"M-2\",\"merchant_txn_ref\":\"twice\",\"generation\":7}\nnobody\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	const left = "maybe left_out,twice left_out"
	cases := []struct {
		args string
		code int
		want string
	}{
		{"--all", 1, "fresh chosen,maybe left_out,old chosen,other chosen,twice left_out"},
		{"--all --uncertain", 0, "fresh chosen,maybe chosen,old chosen,other chosen,twice chosen"},
		{"--all --limit 2", 0, "old chosen,other chosen"},
		{"--code possibly_issued", 0, "twice chosen"},
		{"--code gave_up", 1, "maybe left_out,old chosen"},
		{"--merchant-id M-2", 1, "other chosen,twice left_out"},
		{"--older-than 1d", 0, "old chosen"},
		{"--code none", 0, ""},
		{"maybe", 0, "maybe chosen"},
		{"twice --merchant-id M-2", 0, "twice chosen"},
		{"twice", 1, "twice gone"}, // of merchant M-1, by the environment
		{"--file " + file, 1, "maybe left_out,nobody gone,old chosen,other chosen,twice gone"},
		{"--file " + file + " --uncertain", 1, "maybe chosen,nobody gone,old chosen,other chosen,twice gone"},
	}
	eachDeadLetters(t, func(d *deadLetters) {
		d.fail(sample...)
		for _, c := range cases {
			for _, step := range []string{"replay", "discard"} {
				out, errs := d.run(c.code, append([]string{"failed", step, "--dry-run", "--json"}, strings.Fields(c.args)...)...)
				if got := strings.Join(d.refs(out), ","); got != c.want {
					d.Errorf("failed %s %s: %s, want %s", step, c.args, got, c.want)
				}
				if strings.Contains(c.want, left) && !strings.Contains(errs, "2 left out: a link may exist at the gateway; look there, then "+step) {
					d.Errorf("failed %s %s tells nothing of those left out: %s", step, c.args, errs)
				}
			}
		}
		if failed, queued, tasks := d.counts(); failed != 5 || queued+tasks != 0 {
			d.Errorf("a dry run left %d failed, %d queued, %d tasks", failed, queued, tasks)
		}
	})
}

func TestFailedReplayOfMany(t *testing.T) {
	const n = 3000
	eachDeadLetters(t, func(d *deadLetters) {
		d.many(n)
		d.fail(failure{merchant: "M-1", ref: "maybe", code: "gave_up", uncertain: true})
		out, errs := d.run(1, "failed", "replay", "--all", "--yes")
		if got := strings.Count(out, "replayed   M-1  INV-"); got != n || !strings.HasPrefix(errs, "3000 replayed\n1 left out: ") {
			d.Errorf("%d lines; %s%s", got, cut(out), errs)
		}
		if failed, queued, tasks := d.counts(); failed != 1 || queued != n || tasks != n {
			d.Errorf("%d failed, %d queued, %d tasks, want 1, %d, %d", failed, queued, tasks, n, n)
		}
		r, _, err := d.ledger.Get(d.ctx, order.Key{MerchantID: "M-1", Ref: "INV-02999"})
		if err != nil || r.State != ledger.Queued || r.Generation != 2 {
			d.Errorf("%+v %v", r, err)
		}
		if out, errs := d.run(1, "failed", "replay", "INV-00001"); !strings.HasPrefix(out, "gone ") || errs != "" {
			d.Errorf("replayed again: %s%s", out, errs)
		}
	})
}

// TestFailedReplayOnce lets every order fail again while the run goes on.
func TestFailedReplayOnce(t *testing.T) {
	const n = 620 // more than a page
	eachDeadLetters(t, func(d *deadLetters) {
		d.many(n)
		d.out = func(line []byte) {
			d.failOpen(order.Key{MerchantID: "M-1", Ref: string(bytes.Fields(line)[2])}, failure{code: "rejected"})
		}
		out, _ := d.run(0, "failed", "replay", "--all", "--yes")
		if got := strings.Count(out, "generation 2\n"); got != n || strings.Contains(out, "generation 3") {
			d.Errorf("%d were replayed, want each of %d once\n%s", got, n, cut(out))
		}
		if failed, _, _ := d.counts(); failed != n {
			d.Errorf("%d are failed, want all %d again", failed, n)
		}
	})
}

func TestFailedReplayInterrupted(t *testing.T) {
	const n = 620 // more than a page
	eachDeadLetters(t, func(d *deadLetters) {
		d.many(n)
		all := d.ctx
		ctx, interrupt := context.WithCancel(all)
		d.ctx = ctx
		go func() { // in the middle of a page
			for d.rdb.LLen(ctx, "asynq:{hpp-bulk}:pending").Val() < 50 && ctx.Err() == nil {
			}
			interrupt()
		}()
		out, errs := d.run(1, "failed", "replay", "--all", "--yes")
		done := strings.Count(out, "\n")
		if done == 0 || done == n || errs != fmt.Sprintf("interrupted: %d replayed; run it again to go on\n", done) {
			d.Errorf("%d lines; %s", done, errs)
		}
		if failed, queued, tasks := d.counts(); failed != n-done || queued != done || tasks != done {
			d.Errorf("%d failed, %d queued, %d tasks after %d", failed, queued, tasks, done)
		}
		d.ctx = all
		d.run(0, "failed", "replay", "--all", "--yes")
		if failed, queued, tasks := d.counts(); failed != 0 || queued != n || tasks != n {
			d.Errorf("%d failed, %d queued, %d tasks after the second run", failed, queued, tasks)
		}
	})
}

func TestFailedReplayWhenRedisGoesAway(t *testing.T) {
	redis := redistest.Mini(t)
	d := newDeadLetters(t, redis.Addr())
	d.many(620)
	d.out = func([]byte) { redis.Close() }
	out, errs := d.run(3, "failed", "replay", "--all", "--yes")
	if done := strings.Count(out, "\n"); !strings.HasPrefix(errs, fmt.Sprintf("%d replayed\n", done)) || !strings.Contains(errs, "went away") {
		t.Errorf("%d lines; %s", done, errs)
	}
}

func TestFailedDiscard(t *testing.T) {
	eachDeadLetters(t, func(d *deadLetters) {
		d.fail(sample...)
		out, _ := d.run(0, "failed", "discard", "--older-than", "1d", "--yes", "--json")
		if got := d.refs(out); !cmp.Equal(got, []string{"old discarded"}) {
			d.Errorf("%v", got)
		}
		if out, _ := d.run(1, "failed", "replay", "old"); !strings.Contains(out, "it was discarded") {
			d.Errorf("%s", out)
		}
		if failed, queued, _ := d.counts(); failed != 4 || queued != 0 {
			d.Errorf("%d failed, %d queued", failed, queued)
		}
	})
}

func TestSurplusList(t *testing.T) {
	eachDeadLetters(t, func(d *deadLetters) {
		for i := range 1203 {
			a := ledger.Attempt{Key: order.Key{MerchantID: fmt.Sprint("M-", i%2), Ref: "R"}, Generation: 1, Number: i}
			link := ledger.Link{ID: fmt.Sprint("L", i), URL: fmt.Sprint("https://pay.example/", i)}
			if _, err := d.ledger.Issue(d.ctx, a, ledger.Issuance{Link: link}); err != nil {
				d.Fatal(err)
			}
		}
		out, errs := d.run(0, "surplus", "list")
		if strings.Count(out, "\n") != 1204 || !strings.HasSuffix(out, "https://pay.example/1202\n") || errs != "1203 surplus links\n" {
			d.Errorf("%s%s", cut(out), errs)
		}
		out, _ = d.run(0, "surplus", "list", "--merchant-id", "M-1", "--json", "--limit", "501")
		if got := len(d.refs(out)); got != 501 || strings.Contains(out, `"M-0"`) || !strings.Contains(out, `"attempt":1,"link_id":"L1","url":"https://pay.example/1"}`) {
			d.Errorf("%d: %s", got, cut(out))
		}
	})
}
