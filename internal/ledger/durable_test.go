package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// pair is a master with one replica.
type pair struct {
	master, replica *redistest.Process
	rdb             *redis.Client // of the master
	*ledger.Ledger                // durable, and not patient
}

func newPair(t *testing.T) pair {
	t.Helper()
	master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0", "--repl-timeout", "3600")
	p := pair{master: master, replica: redistest.StartReplica(t, master), rdb: redistest.Client(t, master.Addr)}
	p.Ledger = ledger.New(p.rdb, "hpp", 0).Durable(200*time.Millisecond, redisconn.Named{})
	return p
}

// issue brings an order to its link, which is in the outbox then.
func (p pair) issue(t *testing.T, ref string) {
	t.Helper()
	c, err := p.Claim(ctx, key(ref), ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("%+v %v", c, err)
	}
	s, err := p.Issue(ctx, c.Attempt, issuance("L-"+ref))
	settle(t, ledger.SettledIssued, s, err)
}

func issuance(id string) ledger.Issuance {
	return ledger.Issuance{Link: ledger.Link{ID: id, URL: "https://pay.example/" + id}, Currency: "EUR"}
}

// refs are those of the published results, in their order.
func (p pair) refs(t *testing.T) (all []string) {
	t.Helper()
	for _, e := range events(t, p.rdb, p.Ledger) {
		all = append(all, e["merchant_txn_ref"].(string))
	}
	return all
}

func unreplicated(err error) bool {
	_, is := errors.AsType[*redisconn.NotReplicatedError](err)
	return is
}

func TestDurableWaitsForTheReplica(t *testing.T) {
	p := newPair(t)
	if a := accept(t, p.Ledger, submission(key("a"), "one")); a.Decision != ledger.Accepted {
		t.Fatalf("%+v", a)
	}
	on := redistest.Client(t, p.replica.Addr)
	if n := on.Exists(ctx, p.Keys().Record(key("a"))).Val(); n != 1 {
		t.Error("accepted, and the replica has no record")
	}
	p.issue(t, "a")
	if got := p.refs(t); len(got) != 0 {
		t.Errorf("published before a replica has it: %v", got)
	}
	if n, err := p.Counts(ctx); err != nil || n.Unpublished != 1 || n.Open() != 0 {
		t.Errorf("%+v %v", n, err)
	}
	if n, err := p.PublishOutbox(ctx); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err := p.PublishOutbox(ctx); n != 0 || err != nil {
		t.Errorf("again: %d %v", n, err)
	}
	if got := p.refs(t); !slices.Equal(got, []string{"a"}) {
		t.Errorf("published: %v", got)
	}
}

func TestNothingIsToldWithoutAReplica(t *testing.T) {
	p := newPair(t)
	for _, ref := range []string{"a", "b"} {
		accept(t, p.Ledger, submission(key(ref), "one"))
	}
	p.replica.Pause(t)
	p.issue(t, "a")
	p.issue(t, "b")

	all, errs := p.AcceptAll(ctx, []ledger.Submission{submission(key("a"), "one"), submission(key("new"), "one")})
	if !unreplicated(errs[0]) || !unreplicated(errs[1]) || !redisconn.IsAway(errs[0]) {
		t.Errorf("%v", errs)
	}
	if all[1].Decision != ledger.Accepted || all[1].TaskID == "" {
		t.Errorf("its task could not be made: %+v", all[1])
	}
	if _, _, err := p.Get(ctx, key("a")); !unreplicated(err) {
		t.Errorf("a record was shown: %v", err)
	}
	if _, _, err := p.Records(ctx, []order.Key{key("a"), key("b")}); !unreplicated(err) {
		t.Errorf("records were shown: %v", err)
	}
	if r, found, err := p.ForPages().Get(ctx, key("a")); err != nil || !found || r.State != ledger.Issued {
		t.Errorf("for pages: %+v %v %v", r, found, err)
	}
	if n, err := p.PublishOutbox(ctx); n != 0 || !unreplicated(err) || len(p.refs(t)) != 0 {
		t.Errorf("published %d, %v", n, err)
	}

	p.replica.Resume(t)
	eventually(t, func() bool { return accept1(p.Ledger, "new") == nil })
	if n, err := p.PublishOutbox(ctx); n != 2 || err != nil || !slices.Equal(p.refs(t), []string{"a", "b"}) {
		t.Errorf("published %d, %v: %v", n, err, p.refs(t))
	}
	if r, _, err := p.Get(ctx, key("a")); err != nil || r.Link.ID != "L-a" {
		t.Errorf("%+v %v", r, err)
	}
}

func accept1(l *ledger.Ledger, ref string) error {
	_, err := l.Accept(ctx, submission(key(ref), "one"))
	return err
}

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("it never came")
		}
	}
}

// Whatever is read between: once a publisher has been held up between its look and its step, others have done the work, and more
// has come.
func TestPublishersMeet(t *testing.T) {
	p := newPair(t)
	var want []string
	var publishers sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		publishers.Go(func() {
			for {
				if _, err := p.PublishOutbox(ctx); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 300 {
		ref := fmt.Sprint("r", i)
		want = append(want, ref)
		accept(t, p.Ledger, submission(key(ref), "one"))
		p.issue(t, ref)
	}
	eventually(t, func() bool { n, err := p.Counts(ctx); return err == nil && n.Unpublished == 0 })
	close(done)
	publishers.Wait()
	if got := p.refs(t); !slices.Equal(got, want) {
		t.Errorf("%d were published: %v", len(got), got)
	}
}

func TestClaimOfAnEmailWaitsForTheReplica(t *testing.T) {
	p := newPair(t)
	s := submission(key("a"), "one")
	s.Mail = true
	accept(t, p.Ledger, s)
	p.issue(t, "a")
	p.replica.Pause(t)
	nonce := ledger.NewNonce()
	c, err := p.ClaimEmail(ctx, key("a"), nonce, time.Minute)
	if !unreplicated(err) || c.Grant != ledger.EmailGranted {
		t.Fatalf("%+v %v", c, err)
	}
	p.replica.Resume(t)
	eventually(t, func() bool { c, err = p.ClaimEmail(ctx, key("a"), nonce, time.Minute); return err == nil })
	if c.Grant != ledger.EmailGranted || c.Attempt.Number != 1 || c.Attempt.Doubtful {
		t.Errorf("%+v", c)
	}
}

func TestMasterModeNeitherWaitsNorWritesMore(t *testing.T) {
	server := redistest.StartServer(t)
	rdb := redistest.Client(t, server.Addr)
	p := pair{rdb: rdb, Ledger: ledger.New(rdb, "hpp", 0)}
	accept(t, p.Ledger, submission(key("a"), "one"))
	p.issue(t, "a")
	if _, _, err := p.Get(ctx, key("a")); err != nil {
		t.Fatal(err)
	}
	stats := rdb.Info(ctx, "commandstats").Val()
	if strings.Contains(stats, "cmdstat_wait:") || rdb.Exists(ctx, p.Keys().Seen(), p.Keys().Outbox()).Val() != 0 || !slices.Equal(p.refs(t), []string{"a"}) {
		t.Errorf("%s", stats)
	}
}

func TestRegressionLinksLeftInTheOutbox(t *testing.T) {
	p := newPair(t)
	accept(t, p.Ledger, submission(key("a"), "one"))
	p.issue(t, "a")
	p.replica.Kill()
	if n, err := ledger.New(p.rdb, "hpp", 0).PublishLeft(ctx); n != 1 || err != nil || !slices.Equal(p.refs(t), []string{"a"}) {
		t.Errorf("%d %v", n, err)
	}
}
