package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// issue brings an order's link as a worker does that is killed before it can enqueue the email's task.
func (b *bench) issue(t *testing.T, json []byte) order.Key {
	t.Helper()
	s, err := b.door.Prepare(json, order.Interactive)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ledger.Accept(ctx, s); err != nil {
		t.Fatal(err)
	}
	c, err := b.ledger.Claim(ctx, s.Key, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		t.Fatalf("%+v %v", c, err)
	}
	link := ledger.Link{ID: "L-" + s.Key.Ref, URL: "https://pay.example/" + s.Key.Ref}
	if got, err := b.ledger.Issue(ctx, c.Attempt, ledger.Issuance{Link: link, Amount: "1000", Currency: "JPY"}); err != nil || got != ledger.SettledIssued {
		t.Fatalf("%s %v", got, err)
	}
	return s.Key
}

// mailProfile is of a merchant that no gateway need be asked for.
func mailProfile(t *testing.T) merchant.Profile { return profile(t, "M1", "http://127.0.0.1:1") }

// reapMails lets a reaper that looks after emails run until the test ends.
func (b *bench) reapMails(t *testing.T) {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	reaper := b.reaper().WithMails()
	go func() { defer close(ended); reaper.Run(running) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func TestMailOfAWorkerKilledBeforeItCouldEnqueue(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		box, _ := b.mails(t, mailProfile(t))
		k := b.issue(t, mailed("r", "one@customer.example"))
		if n, err := b.reaper().WithMails().Reap(ctx, ledger.Mailing); n != 0 || err != nil {
			t.Fatalf("%d given back (%v): it has a grace", n, err)
		}
		b.longAgo(t, ledger.Mailing, ledger.Grace)
		// A worker that sends no emails leaves it to those that do.
		once, cancel := context.WithTimeout(ctx, ledger.PulseInterval/2)
		b.reaper().Run(once)
		cancel()
		if b.pending(queue.Email) != 0 || len(box.recipients()) != 0 {
			t.Error("it made a task")
		}
		b.reapMails(t)
		r := b.awaitMail(t, "r", ledger.MailSent)
		if got := box.recipients(); len(got) != 1 || r.Email.Doubtful {
			t.Errorf("mails to %q, %+v", got, r.Email)
		}
		if c := b.counts(t); c.Open() != 0 {
			t.Errorf("%s: %+v", k, c)
		}
	})
}

// TestMailOfAKilledWorkerGoesOnInSeconds takes the real time in which a silent worker is found: its lease is a minute long.
func TestMailOfAKilledWorkerGoesOnInSeconds(t *testing.T) {
	t.Parallel()
	b := newBenchOf(t)
	box, _ := b.mails(t, mailProfile(t))
	dead := b.ledger.ForWorker("dead")
	if _, err := dead.Pulse().Beat(ctx); err != nil {
		t.Fatal(err)
	}
	k := b.issue(t, mailed("r", "one@customer.example"))
	if c, err := dead.ClaimEmail(ctx, k, ledger.NewNonce(), time.Minute); err != nil || c.Grant != ledger.EmailGranted {
		t.Fatalf("%+v %v", c, err)
	}
	begun := time.Now()
	b.reapMails(t)
	r := b.awaitMail(t, "r", ledger.MailSent)
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	if got := box.recipients(); len(got) != 1 || !r.Email.Doubtful {
		t.Errorf("mails to %q, %+v: that it may be a second one is to be told", got, r.Email)
	}
}

// TestRegressionLostMailSaysWhoseItWas: the event about an email that two killed workers may have sent had no metadata.
func TestRegressionLostMailSaysWhoseItWas(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		box, _ := b.mails(t, mailProfile(t))
		k := b.issue(t, fmt.Appendf(nil, `%s,"metadata":{"cart":"77"}}`, strings.TrimSuffix(string(mailed("r", "one@customer.example")), "}")))
		for range ledger.MailAgain + 1 {
			if c, err := b.ledger.ClaimEmail(ctx, k, ledger.NewNonce(), time.Millisecond); err != nil || c.Grant != ledger.EmailGranted {
				t.Fatalf("%+v %v", c, err)
			}
			time.Sleep(5 * time.Millisecond) // until the lease has run out
		}
		b.reapMails(t)
		r := b.awaitMail(t, "r", ledger.MailFailed)
		all := b.rdb.XRevRangeN(ctx, b.ledger.Keys().Results(), "+", "-", 1).Val()
		if data := fmt.Sprint(all[0].Values["data"]); r.Email.Code != ledger.CodeMailUnknown || !strings.Contains(data, `"cart":"77"`) {
			t.Errorf("%+v, event %s", r.Email, data)
		}
		if len(box.recipients()) != 0 {
			t.Errorf("sent once more: %q", box.recipients())
		}
	})
}

// TestRegressionSlowMailServerDoublesNoMail: sending could take longer than the lease, and so another worker sent the email
// too.
func TestRegressionSlowMailServerDoublesNoMail(t *testing.T) {
	b := newBenchOf(t)
	box, m := b.mails(t, mailProfile(t))
	m.Hurry(100 * time.Millisecond)
	answer := make(chan struct{})
	box.mu.Lock()
	box.slow = answer
	box.mu.Unlock()
	t.Cleanup(func() { close(answer) })
	k := b.issue(t, mailed("r", "one@customer.example"))
	begun := time.Now()
	if err := m.Handle(ctx, queue.Task{ID: "t", Lane: queue.Email, Payload: k.Reference()}); err == nil {
		t.Error("the task ended, and nobody knows whether the email arrived")
	}
	r, _, err := b.ledger.Get(ctx, k)
	if took := time.Since(begun); took > 10*time.Second || err != nil || r.Email.State != ledger.MailPending || !r.Email.Doubtful {
		t.Errorf("after %v: %+v %v", took, r.Email, err)
	}
}

// TestRegressionMailsKeepTheirTurns: an email whose turn in the merchant's rate came after more than 20 seconds gave its slot
// up, and asked for another one, later and later: most slots went unused. And emails that waited kept others out of the worker.
func TestRegressionMailsKeepTheirTurns(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, at := gatewayAt(t, sandbox.Options{}, nil)
		p := profile(t, "M1", at)
		p.Mail.Rate = 0.02 // one in 50 s
		box, _ := b.mails(t, p)
		b.serve(t, b.worker(t, p))
		waits := map[time.Duration]bool{}
		for i := range 4 {
			ref := fmt.Sprint("r", i)
			b.hand(t, mailed(ref, ref+"@customer.example"))
			var r ledger.Record
			eventually(t, "the email is sent or has its turn", func() bool {
				r = b.record(t, key("M1", ref))
				return r.Email.State == ledger.MailSent || r.Email.State == ledger.MailPending && !r.WaitUntil.IsZero()
			})
			if r.Email.State == ledger.MailPending {
				waits[time.Until(r.WaitUntil).Round(25*time.Second)] = true
			}
			if r.Email.State == ledger.MailPending && r.Email.Attempts != 0 {
				t.Errorf("to wait counts as an attempt: %+v", r.Email)
			}
		}
		if sent := len(box.recipients()); sent < 1 || sent > 2 || len(waits) != 4-sent {
			t.Fatalf("%d sent, waits %v: want each of the others 50 s later than the one before", sent, waits)
		}
		// At another rate they go when their turn is then.
		err := b.ledger.RetimeMail(ctx, "M1", time.Millisecond, func(moved []ledger.Retimed) error {
			for _, r := range moved {
				if err := b.queue.Enqueue(ctx, r.Lane, r.TaskID, r.Key.Reference()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			b.awaitMail(t, fmt.Sprint("r", i), ledger.MailSent)
		}
		if got := box.recipients(); len(got) != 4 {
			t.Errorf("%q", got)
		}
	})
}

// TestRegressionOneEmailDoesNotHoldUpTheOthers: a reply that reads as if it were our fault, but that one recipient alone gets,
// held all emails of the merchant up, again and again, and that email never came to an end.
func TestRegressionOneEmailDoesNotHoldUpTheOthers(t *testing.T) {
	b := newBenchOf(t)
	box, _ := b.mails(t, mailProfile(t))
	box.refuse(func(to string) error {
		if to == "odd@customer.example" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "relaying denied"}
		}
		return nil
	})
	b.reapMails(t)
	enqueue := func(ref, to string) {
		k := b.issue(t, mailed(ref, to))
		if err := b.queue.Enqueue(ctx, queue.Email, ref, k.Reference()); err != nil {
			t.Fatal(err)
		}
	}
	enqueue("odd", "odd@customer.example")
	begun := time.Now()
	for i := 0; b.record(t, key("M1", "odd")).Email.State != ledger.MailFailed && time.Since(begun) < 30*time.Second; i++ {
		ref := fmt.Sprint("r", i) // others, which go out
		enqueue(ref, "one@customer.example")
		b.awaitMail(t, ref, ledger.MailSent)
	}
	r := b.awaitMail(t, "odd", ledger.MailFailed)
	if r.Email.Code != "smtp_550" || b.counts(t).Open() != 0 {
		t.Errorf("%+v, %+v", r.Email, b.counts(t))
	}
}
