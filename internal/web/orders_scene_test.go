package web_test

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/web"
)

// scene is a bench with orders in all states.
type scene struct {
	*bench
	worker *ledger.Ledger
}

func newScene(t *testing.T, addr string, changes ...config) *scene {
	t.Helper()
	b := newBenchAt(t, addr, append([]config{withToken, withShops}, changes...)...)
	s := &scene{b, b.ledger.ForWorker("w1")}
	s.live()
	return s
}

// live has a worker give signs of life until the test ends.
func (s *scene) live() {
	s.t.Helper()
	pulse := s.worker.Pulse()
	if _, err := pulse.Beat(ctx); err != nil {
		s.t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(ledger.PulseInterval); ; {
			select {
			case <-stop:
				ticker.Stop()
				return
			case <-ticker.C:
				_, _ = pulse.Beat(ctx) // some tests take Redis away
			}
		}
	}()
	s.t.Cleanup(func() { close(stop); <-ended })
}

// withShops sets merchants up, the first of them with a rate limit.
func withShops(c *web.Config) {
	u, _ := url.Parse("https://api.paymentoptions.com/api/v1")
	var all []merchant.Profile
	for i, id := range []string{"M-1001", "M-2002", "M-3003", "M-4004"} {
		p := merchant.Profile{
			ID: id, GatewayURL: u, APIKey: merchant.NewSecret(fmt.Sprintf("planted-api-key-of-shop-%da1f", i)),
			XAPIKey: merchant.NewSecret(fmt.Sprintf("planted-x-api-key-of-shop-%d77b", i)),
		}
		if i == 1 {
			p.Rate = 20
		}
		all = append(all, p)
	}
	c.Merchants = merchant.NewDirectory(all...)
}

func key(merchantID, ref string) order.Key { return order.Key{MerchantID: merchantID, Ref: ref} }

func (s *scene) accept(k order.Key, lane order.Lane, change ...func(*ledger.Submission)) {
	s.t.Helper()
	sub := ledger.Submission{
		Key: k, Lane: lane, Fingerprint: order.Fingerprint{Sum: "1:x", Fields: "acEUR"},
		Order: []byte(event(k.Ref)),
	}
	for _, f := range change {
		f(&sub)
	}
	if a, err := s.ledger.Accept(ctx, sub); err != nil || a.Decision != ledger.Accepted {
		s.t.Fatalf("%+v %v", a, err)
	}
}

func mailed(sub *ledger.Submission) {
	sub.Mail = true
	sub.Order = []byte(strings.TrimSuffix(event(sub.Key.Ref), "}") + `,"delivery":{"email":{"to":"` + private + `@customer.example"}}}`)
}

func (s *scene) claim(k order.Key) ledger.Attempt {
	s.t.Helper()
	c, err := s.worker.Claim(ctx, k, ledger.NewNonce(), time.Minute, nil)
	if err != nil || c.Grant != ledger.Granted {
		s.t.Fatalf("%v: %+v %v", k, c, err)
	}
	return c.Attempt
}

func (s *scene) settled(got ledger.Settlement, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(got, err)
	}
}

func (s *scene) issue(k order.Key) {
	s.t.Helper()
	id := fmt.Sprintf("f49173ce-4916-445c-a831-%012x", len(k.Ref))
	s.settled(s.worker.Issue(ctx, s.claim(k), ledger.Issuance{
		Link: ledger.Link{ID: id, URL: "https://checkout.paymentoptions.com/jp/HostedPaymentPage/" + url.PathEscape(k.Ref)}, Amount: "1000", Currency: "JPY",
	}))
}

func (s *scene) fail(k order.Key, code, message string) {
	s.t.Helper()
	s.accept(k, order.Interactive)
	s.settled(s.worker.Fail(ctx, s.claim(k), ledger.Failure{Code: code, Message: message, Asked: true, Uncertain: code == ledger.CodePossiblyIssued}))
}

var unauthorized = ledger.Return{Why: "misconfigured (http_401): Unauthorized", Asked: true, Excused: true, Breaker: ledger.TripBreaker}

// hour fills the minutes of the last hour.
func (s *scene) hour() {
	s.t.Helper()
	pipe, now := s.rdb.Pipeline(), time.Now().Truncate(time.Minute)
	for i := range 60 {
		minute := s.ledger.Keys().Minutes() + strconv.FormatInt(now.Add(-time.Duration(i)*time.Minute).Unix(), 10)
		n := 150 + int(90*math.Sin(float64(i)/7)) + 11*(i%5)
		if i > 40 && i < 44 {
			n = 0
		}
		pipe.HSet(ctx, minute, "interactive.accepted", n, "interactive.issued", n, "bulk.issued", n/3, "interactive.failed", i%9/7*(i%4)*6,
			"interactive.19", n/2, "interactive.20", n/3, "interactive.22", n-n/2-n/3, "bulk.28", n/3, "email.issued", n/10)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		s.t.Fatal(err)
	}
}

// troubles are what keeps somebody on call awake.
func (s *scene) troubles() {
	s.t.Helper()
	for i := range 204 {
		s.accept(key("M-1001", fmt.Sprintf("INV-%d", i)), order.Interactive)
	}
	s.settled(s.worker.Release(ctx, s.claim(key("M-1001", "INV-0")), unauthorized))
	for i := 1; i < 180; i++ {
		if c, err := s.worker.Claim(ctx, key("M-1001", fmt.Sprintf("INV-%d", i)), ledger.NewNonce(), time.Minute, nil); err != nil || c.Grant != ledger.HeldByBreaker {
			s.t.Fatal(c, err)
		}
	}
	for i := range 37 {
		s.accept(key("M-2002", fmt.Sprintf("R-%d", i)), order.Bulk)
		wait := time.Duration(i) * 50 * time.Millisecond
		s.settled(s.worker.Release(ctx, s.claim(key("M-2002", fmt.Sprintf("R-%d", i))),
			ledger.Return{Why: "not_asked (paced): the merchant's rate limit is 20 a second", Excused: true, After: wait + 40*time.Second, Slot: 50 * time.Millisecond}))
	}
	if _, err := s.worker.Slots(ctx, "M-2002", order.Bulk, 50*time.Millisecond, 837); err != nil {
		s.t.Fatal(err)
	}
	s.failures()
	s.emails()
	s.surplus(key("M-3003", "TWICE"))
}

// surplus has an order get two links.
func (s *scene) surplus(k order.Key) {
	s.t.Helper()
	s.accept(k, order.Interactive)
	late := s.claim(k)
	for _, end := range []string{"first", "late"} {
		s.settled(s.worker.Issue(ctx, late, ledger.Issuance{Link: ledger.Link{
			ID: "0d1c7ab4-4916-445c-a831-3c14" + end, URL: "https://checkout.paymentoptions.com/jp/HostedPaymentPage/" + end,
		}}))
	}
}

func (s *scene) failures() {
	s.t.Helper()
	for i := range 30 {
		s.fail(key("M-2002", fmt.Sprintf("ORDER-2026-11-22-%03d", i)), "rejected", "billing_address.country: must be a valid ISO 3166-1 code (http_400)")
	}
	for i := range 5 {
		s.fail(key("M-3003", fmt.Sprintf("GU-%d", i)), "gave_up", "the gateway did not answer in time (timeout)")
	}
	s.fail(key("M-3003", "MAYBE-1"), ledger.CodePossiblyIssued, "merchant_txn_ref is known already (http_409)")
	for _, ref := range hostileRefs {
		s.fail(key("M-4004", ref), "rejected", "<script>alert('said by the gateway')</script> \u202eevil")
	}
}

var hostileRefs = []string{`"><script>alert(1)</script>`, "a/b%2F..", "\u202eRTL override", strings.Repeat("長い", 22), "..", `'"&<>{{.}}`}

// emails are one that went out, one that failed, and some that are owed.
func (s *scene) emails() {
	s.t.Helper()
	if err := s.ledger.MailersUp(ctx); err != nil {
		s.t.Fatal(err)
	}
	for i := range 6 {
		k := key("M-3003", fmt.Sprintf("MAIL-%d", i))
		s.accept(k, order.Interactive, mailed)
		s.issue(k)
	}
	for i, report := range []ledger.EmailReport{
		{Verdict: ledger.EmailSent, To: "p***@customer.example"},
		{Verdict: ledger.EmailFailed, Code: "smtp_550", Message: "RCPT: 550 5.1.1 no such user"},
	} {
		c, err := s.worker.ClaimEmail(ctx, key("M-3003", fmt.Sprintf("MAIL-%d", i)), ledger.NewNonce(), time.Minute)
		if err != nil || c.Grant != ledger.EmailGranted {
			s.t.Fatal(c, err)
		}
		if _, err := s.worker.Emailed(ctx, c.Attempt, report); err != nil {
			s.t.Fatal(err)
		}
	}
}

// aBatch is one that runs, with orders in each state.
func (s *scene) aBatch(id string) {
	s.t.Helper()
	b, err := s.ledger.OpenBatch(ctx, id, "invoices.csv", false)
	if err != nil {
		s.t.Fatal(err)
	}
	in := func(sub *ledger.Submission) { sub.Batch = id }
	for i := range 40 {
		k := key("M-2002", fmt.Sprintf("ROW-%02d", i))
		s.accept(k, order.Bulk, in)
		switch {
		case i < 22:
			s.issue(k)
		case i < 25:
			s.settled(s.worker.Fail(ctx, s.claim(k), ledger.Failure{Code: "rejected", Message: "currency: not supported (http_422)", Asked: true}))
		}
	}
	if err := s.ledger.SealBatch(ctx, id, b.Run, 2); err != nil {
		s.t.Fatal(err)
	}
}

func orderPath(k order.Key) string { return "/orders/order/" + url.PathEscape(k.String()) }
