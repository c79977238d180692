package worker_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestNoMailBeforeAReplicaHasItsLink(t *testing.T) {
	master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0", "--repl-timeout", "3600")
	replica := redistest.StartReplica(t, master)
	b := newBench(t, master.Addr, master.Addr)
	b.ledger = b.ledger.Durable(200*time.Millisecond, redisconn.Named{})
	box, m := b.mails(t, mailProfile(t))
	key := b.issue(t, mailed("r", "one@customer.example"))
	task := queue.Task{ID: "t", Payload: key.Reference(), Lane: queue.Email}

	replica.Pause(t)
	err := m.Handle(ctx, task)
	var again queue.Retry
	r, _, _ := b.ledger.ForPages().Get(ctx, key)
	if !errors.As(err, &again) || again.Reason != "not_replicated" || len(box.recipients()) != 0 || r.Email.State != ledger.MailPending {
		t.Fatalf("%v, mails to %v, %+v", err, box.recipients(), r.Email)
	}
	replica.Resume(t)
	b.longAgo(t, ledger.Mailing, time.Hour)
	b.rdb.HDel(ctx, b.ledger.Keys().Record(key), "wait") // its time has come
	for late := time.Now().Add(20 * time.Second); r.Email.State != ledger.MailSent; r, _, _ = b.ledger.ForPages().Get(ctx, key) {
		if err := m.Handle(ctx, task); err != nil && time.Now().After(late) {
			t.Fatal(err)
		}
	}
	if got := box.recipients(); !slices.Equal(got, []string{"one@customer.example"}) || r.Email.Doubtful {
		t.Errorf("mails to %q, %+v", got, r.Email)
	}
}
