package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

var usualLink = ledger.Link{ID: "f49173ce-4916-445c-a831-3c1468acf14e", URL: "https://checkout.paymentoptions.com/jp/HostedPaymentPage/hKJsdByR"}

func TestOrderInEveryState(t *testing.T) {
	each(t, func(b *bench) {
		k := key("INV-1")
		page := func() *answer { return b.fresh(orderPath(k)).want(http.StatusOK) }
		b.submit(k)
		page().says("queued", "It waits for a worker, and none is running: start hpplink run", "Accepted").saysNot(private)
		b.alive()
		page().says("It waits for a worker to be free, in the queue of interactive orders, where 1 wait.")
		b.release(k, ledger.Return{Why: "unavailable (http_503): try later", Asked: true, After: time.Hour})
		page().says("queued, waits for its time", "It is tried again at", "since the gateway answers 503.", "Put back, to be tried again: the gateway answers 503", "Gateway asked 1 time")
		b.rdb.HDel(ctx, b.ledger.Keys().Record(k), "wait")
		b.release(k, unauthorized)
		page().says("queued, held", "It is held, with 1 in all of the merchant’s orders: the gateway answers 401 since", "a single one of them tries", "…a1f3")
		b.rdb.Del(ctx, b.ledger.Keys().Breaker(k.MerchantID))
		page().says("are being given back")
		a := b.claim(k)
		page().says("sending", "A worker is asking the gateway.", "another takes over, at")
		if s, err := b.ledger.Issue(ctx, a, ledger.Issuance{Link: usualLink, Amount: "1000", Currency: "JPY"}); err != nil || s != ledger.SettledIssued {
			b.t.Fatal(s, err)
		}
		page().says("issued", "Nothing: its link is published.", usualLink.URL, usualLink.ID, "1000 JPY", "Published as event M-1001:INV-1:1:link.issued, entry", "Link published: "+usualLink.ID, "Held, with the merchant’s other orders").
			saysNot(private)
	})
}

func TestOrderThatWaitsForItsTurn(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), false)
	b.alive()
	b.submit(key("a"))
	b.release(key("a"), ledger.Return{Why: "not_asked (paced): the merchant's rate limit is 20 a second", Excused: true, After: time.Minute, Slot: 50 * time.Millisecond})
	b.get(orderPath(key("a"))).says("It waits for its turn of the merchant’s rate limit (20 a second), which comes at")
}

func TestOrderThatFailed(t *testing.T) {
	each(t, func(b *bench) {
		b.fail(key("a"), ledger.Failure{Code: "gave_up", Message: "no answer (timeout)", Asked: true, Uncertain: true})
		b.get(orderPath(key("a"))).says("failed", "gave_up: no answer (timeout)", "Once the gateway is well, replay.", "a link that nobody was shown may exist", "link.failed")
		if err := b.ledger.Discard(ctx, key("a"), 1); err != nil {
			b.t.Fatal(err)
		}
		a := b.get(orderPath(key("a"))).says("It was discarded: what it held is gone")
		if len(byTag(a.body, "replay")) > 0 {
			b.t.Error("it can be replayed")
		}
	})
}

// TestOrderShowsTheRecipientMasked: while the email is owed, and once it went out.
func TestOrderShowsTheRecipientMasked(t *testing.T) {
	each(t, func(b *bench) {
		k := key("a")
		s := ledger.Submission{Key: k, Lane: order.Interactive, Fingerprint: order.Fingerprint{Sum: "1:x", Fields: "acEUR"}, Order: payload(k), Mail: true}
		if _, err := b.ledger.Accept(ctx, s); err != nil {
			b.t.Fatal(err)
		}
		b.fresh(orderPath(k)).says("to p***@customer.example").saysNot(private)
		b.issue(k, usualLink)
		b.fresh(orderPath(k)).says("Its email is owed, and no worker sends emails: set HPPLINK_SMTP", "to p***@customer.example").saysNot(private)
		if err := b.ledger.MailersUp(ctx); err != nil {
			b.t.Fatal(err)
		}
		b.fresh(orderPath(k)).says("Its email waits for a worker that sends emails.")
		b.email(k, ledger.EmailReport{Verdict: ledger.EmailSent, To: "p***@customer.example"})
		b.fresh(orderPath(k)).says("the mail server took the email", "sent, to p***@customer.example").saysNot(private)
	})
}

// TestHostileRefs: what producers and the gateway say is shown, and does nothing.
func TestHostileRefs(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), true)
	for _, ref := range []string{
		`"><script>alert(1)</script>`, `'"&<>{{.}}`, "a/b", "a%2Fb", "%2F", "/", "..", ".", "a/../b", "?x=y", "#x", " ", "a b", "{ref}", "\u202eRTL", "\x00\n", strings.Repeat("長", 255),
		`</title><img src=x onerror=alert(1)>`, "javascript:alert(1)", "a\u0301", "🙂",
	} {
		for _, m := range []string{"M-1001", `M/2 "><b>{ü}`} {
			k := order.Key{MerchantID: m, Ref: ref}
			b.fail(k, ledger.Failure{Code: "rejected", Message: `<img src=x onerror=alert(1)> ` + ref, Asked: true})
			page := b.get(orderPath(k)).want(http.StatusOK)
			if got := within(elements(page.body, "h1")[0]); got != strings.Join(strings.Fields(visible(ref)), " ") {
				t.Errorf("the order %q is headed %q", ref, got)
			}
			b.harmless(page)
			a := b.post("/orders/replay", "key", k.String(), "generation", "1").want(http.StatusSeeOther)
			b.get(a.to).want(http.StatusOK).says("generation 2 began")
			b.failOpen(k, refused)
		}
	}
	for _, path := range []string{"/orders", "/orders/failed", "/orders/failed?code=%22%3E%3Cscript%3E", "/orders/find?q=%22%3E%3Cscript%3Ealert(1)", "/orders/batches/%22%3E%3Cscript%3E"} {
		b.harmless(b.fresh(path))
	}
}

// visible is a ref as it is shown.
func visible(s string) string {
	return strings.NewReplacer("\u202e", `\u202e`, "\x00", `\x00`, "\n", `\n`).Replace(s)
}

// harmless checks that a page has no more elements that load or do something than it is meant to, and nothing that turns direction.
func (b *bench) harmless(a *answer) {
	b.t.Helper()
	for _, n := range elements(a.body, "script") {
		if src := attribute(n, "src"); src != "/assets/live.js" {
			b.t.Errorf("a script: %q %q", src, within(n))
		}
	}
	for _, n := range elements(a.body, "img") {
		if src := attribute(n, "src"); src != "/assets/icon.svg" {
			b.t.Errorf("a picture: %q", src)
		}
	}
	for _, n := range elements(a.body, "a") {
		if to := attribute(n, "href"); to != "" && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "https://") && !strings.HasPrefix(to, "#") {
			b.t.Errorf("a link to %q", to)
		}
	}
	if strings.ContainsRune(a.body, '\u202e') || strings.ContainsRune(a.body, '\x00') || len(elements(a.body, "b")) > 0 {
		b.t.Error("something is not written out")
	}
}
