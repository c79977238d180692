package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/worker"
)

// postbox is a mail server that keeps what it takes.
type postbox struct {
	mu    sync.Mutex
	mails []string // recipients, in order
	rcpt  func(to string) error
	slow  chan struct{}     // unless nil, the reply to an email waits until it is closed
	taken map[string]string // recipient: what it got last
}

func (p *postbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &postSession{p: p}, nil }

type postSession struct {
	p  *postbox
	to string
}

func (s *postSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *postSession) Reset()                               {}
func (s *postSession) Logout() error                        { return nil }

func (s *postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.p.rcpt != nil {
		return s.p.rcpt(to)
	}
	return nil
}

func (s *postSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.mails, s.p.taken[s.to] = append(s.p.mails, s.to), string(text)
	if slow := s.p.slow; slow != nil {
		s.p.mu.Unlock()
		<-slow
		s.p.mu.Lock()
	}
	return err
}

func (p *postbox) refuse(f func(to string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rcpt = f
}

func (p *postbox) recipients() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.mails)
	slices.Sort(all)
	return all
}

// mails starts a mail server, and a mailer beside the worker.
func (b *bench) mails(t *testing.T, profiles ...merchant.Profile) (*postbox, *worker.Mailer) {
	t.Helper()
	p := &postbox{taken: map[string]string{}}
	server := smtp.NewServer(p)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); server.Serve(listener) }()
	sender, err := mail.NewSender(mail.Config{URL: "smtp://" + listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sender.Close()
		server.Close()
		<-ended
	})
	if err := b.ledger.MailersUp(ctx); err != nil {
		t.Fatal(err)
	}
	m := worker.NewMailer(b.ledger, merchant.NewDirectory(profiles...), sender, worker.NewShelf(), pacing.New(b.ledger.Slots, b.ledger.Gate, 10), 0, quiet)
	servers := queue.NewServers(b.conn.AsynqOpt(), queue.Config{
		Namespace: ns, Lanes: []order.Lane{queue.Email}, PickupInterval: 10 * time.Millisecond, DelayedInterval: 10 * time.Millisecond, Log: quiet,
	}, m.Handle)
	if err := servers.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := servers.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return p, m
}

// mailed is an order that asks for an email.
func mailed(ref, to string) []byte {
	return fmt.Appendf(nil, `{"merchant_id":"M1","merchant_txn_ref":%q,"currency":"JPY","amount":1000,"merchant_email":"shop@shop.example",
		"return_url":{"cancel_url":"https://shop.example/no"},"payment_method":{"type":"scheme"},"billing_address":{"country":"JP"},
		"delivery":{"email":{"to":%q,"name":"Taro","locale":"ja"}}}`, ref, to)
}

func (b *bench) hand(t *testing.T, orders ...[]byte) {
	t.Helper()
	for _, o := range orders {
		if r := b.door.Submit(ctx, []intake.Event{{JSON: o, Lane: order.Interactive}}); r[0].Status != intake.Accepted {
			t.Fatalf("%+v", r[0])
		}
	}
}

// awaitMail waits until an order's email is in one of these states.
func (b *bench) awaitMail(t *testing.T, ref string, want ...ledger.MailState) ledger.Record {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		r, _, err := b.ledger.Get(ctx, order.Key{MerchantID: "M1", Ref: ref})
		if err == nil && slices.Contains(want, r.Email.State) {
			return r
		}
		if time.Now().After(end) {
			t.Fatalf("the email of %s is %q (%v), want %q", ref, r.Email.State, err, want)
		}
	}
}

func (b *bench) eventTypes(t *testing.T) (types []string) {
	t.Helper()
	for _, e := range b.rdb.XRange(ctx, b.ledger.Keys().Results(), "-", "+").Val() {
		types = append(types, e.Values["type"].(string))
	}
	return types
}

func TestLinkIsMailedOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		p := profile(t, "M1", at)
		box, _ := b.mails(t, p)
		b.serve(t, b.worker(t, p))
		b.hand(t, mailed("r1", "one@customer.example"), mailed("r2", "two@customer.example"))
		r := b.awaitMail(t, "r1", ledger.MailSent)
		b.awaitMail(t, "r2", ledger.MailSent)
		if got := box.recipients(); !slices.Equal(got, []string{"one@customer.example", "two@customer.example"}) || s.Stats().Posts != 2 {
			t.Errorf("mails to %q, %d POSTs", got, s.Stats().Posts)
		}
		if r.State != ledger.Issued || r.Email.Sent.IsZero() || r.Email.Attempts != 0 && r.Email.Attempts != 1 {
			t.Errorf("%+v", r)
		}
		text := strings.ReplaceAll(box.taken["one@customer.example"], "=\r\n", "")
		if !strings.Contains(strings.ReplaceAll(text, "=3D", "="), r.Link.URL) {
			t.Errorf("the mail has no %s:\n%s", r.Link.URL, text)
		}
		// Again: known, and no second mail.
		if again := b.door.Submit(ctx, []intake.Event{{JSON: mailed("r1", "one@customer.example"), Lane: order.Bulk}}); again[0].Status != intake.Known {
			t.Errorf("%+v", again[0])
		}
		if c, err := b.ledger.Counts(ctx); err != nil || c.Open() != 0 {
			t.Errorf("%+v %v", c, err)
		}
		if got := b.eventTypes(t); len(got) != 4 || !slices.Contains(got, "email.sent") {
			t.Errorf("%q", got)
		}
	})
}

func TestRefusedMailIsListedAndReplayedWithoutAPost(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		s, at := gatewayAt(t, sandbox.Options{}, nil)
		p := profile(t, "M1", at)
		box, _ := b.mails(t, p)
		box.refuse(func(to string) error {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + to}
		})
		b.serve(t, b.worker(t, p))
		b.hand(t, mailed("r", "nobody@customer.example"))
		r := b.awaitMail(t, "r", ledger.MailFailed)
		if r.State != ledger.Issued || r.Email.Code != "smtp_550" || strings.Contains(r.Email.Message, "nobody") {
			t.Errorf("%+v", r.Email)
		}
		box.refuse(nil)
		if err := b.door.ReplayMail(ctx, order.Key{MerchantID: "M1", Ref: "r"}, 1); err != nil {
			t.Fatal(err)
		}
		b.awaitMail(t, "r", ledger.MailSent)
		if err := b.door.ReplayMail(ctx, order.Key{MerchantID: "M1", Ref: "r"}, 1); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("a sent one: %v", err)
		}
		if len(box.recipients()) != 1 || s.Stats().Posts != 1 {
			t.Errorf("%q, %d POSTs", box.recipients(), s.Stats().Posts)
		}
	})
}

func TestAServerThatDoesNotTakeUsHoldsMailsBack(t *testing.T) {
	b := newBenchOf(t)
	_, at := gatewayAt(t, sandbox.Options{}, nil)
	p := profile(t, "M1", at)
	box, _ := b.mails(t, p)
	box.refuse(func(string) error {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "authentication required"}
	})
	b.serve(t, b.worker(t, p))
	b.hand(t, mailed("r1", "one@customer.example"), mailed("r2", "two@customer.example"))
	held := func() int {
		all, err := b.ledger.MailBreakers(ctx)
		if err != nil || len(all) == 0 {
			return 0
		}
		return all[0].Held
	}
	for end := time.Now().Add(20 * time.Second); held() != 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d emails are held", held())
		}
	}
	if types := b.eventTypes(t); slices.Contains(types, "email.failed") {
		t.Errorf("%q: that is not the orders' fault", types)
	}
	box.refuse(nil)
	reaper := worker.NewReaper(b.ledger.ForWorker("w"), b.queue, nothingPending, quiet).WithMails()
	for end := time.Now().Add(20 * time.Second); len(box.recipients()) < 2; time.Sleep(50 * time.Millisecond) {
		if _, err := reaper.UnholdMail(ctx); err != nil || time.Now().After(end) {
			t.Fatalf("%q %v", box.recipients(), err)
		}
	}
}

func newBenchOf(t *testing.T) *bench {
	t.Helper()
	addr := redistest.Server(t)
	return newBench(t, addr, addr)
}

func nothingPending(context.Context, order.Lane, int) (queue.Pending, error) {
	return queue.Pending{Empty: true}, nil
}
