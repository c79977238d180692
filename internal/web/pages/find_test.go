package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

func find(q string, more ...string) string {
	v := url.Values{"q": {q}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return "/orders/find?" + v.Encode()
}

func (a *answer) leads(to string) {
	a.t.Helper()
	if a.code != http.StatusSeeOther || a.to != to {
		a.t.Errorf("%d to %q, want %q: %.1000s", a.code, a.to, to, textOf(a.body))
	}
}

func TestFindByRef(t *testing.T) {
	each(t, func(b *bench) {
		b.submit(key("INV-1"), key("both"), order.Key{MerchantID: "M-2002", Ref: "both"}, order.Key{MerchantID: "X-9", Ref: "no profile"})
		b.get(find(" INV-1 ")).leads(orderPath(key("INV-1")))
		b.get(find("INV-1", "merchant", "M-1001")).leads(orderPath(key("INV-1")))
		b.get(find("no profile")).leads(orderPath(order.Key{MerchantID: "X-9", Ref: "no profile"})) // it has an open order
		b.get(find("M-1001:INV-1")).leads(orderPath(key("INV-1")))
		b.get(find(ledger.TaskID(key("INV-1"), "1795334772960"))).leads(orderPath(key("INV-1")))
		b.get(find("both")).want(http.StatusOK).says("2 orders with the ref “both”", "M-1001", "M-2002")
		b.get(find("both", "merchant", "M-2002")).leads(orderPath(order.Key{MerchantID: "M-2002", Ref: "both"}))
		b.get(find("nobody")).want(http.StatusNotFound).says("Nothing was found for “nobody”", "No order with this ref of merchant M-1001, M-2002, X-9 is known", "not looked for among links")
		b.get(find("INV-1", "merchant", "M-2002")).want(http.StatusNotFound).says("of merchant M-2002 is known")
		b.get("/orders/find").want(http.StatusOK).says("By the order’s ref")
	})
}

func TestFindByLink(t *testing.T) {
	each(t, func(b *bench) {
		k := key("注文/7")
		b.submit(k)
		b.issue(k, usualLink)
		for i := range 30 {
			o := key(fmt.Sprint("r", i))
			b.submit(o)
			b.issue(o, ledger.Link{ID: fmt.Sprint("other-", i), URL: fmt.Sprint("https://checkout.paymentoptions.com/p/", i)})
		}
		b.get(find(usualLink.ID)).leads(orderPath(k))
		b.get(find("F49173CE-4916-445C-A831-3C1468ACF14E")).want(http.StatusSeeOther)
		b.get(find(usualLink.URL)).leads(orderPath(k))
		b.get(find("hKJsdByR", "links", "yes")).leads(orderPath(k))
		unknown := "00000000-4916-445c-a831-3c1468acf14e"
		b.get(find(unknown)).want(http.StatusNotFound).says("among the 31 results that are kept", "nor among 0 surplus links", "No order with this ref")
	})
}

func TestFindASurplusLink(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), false)
	b.submit(key("a"))
	late := b.claim(key("a"))
	if s, err := b.ledger.Issue(ctx, late, ledger.Issuance{Link: usualLink}); err != nil || s != ledger.SettledIssued {
		t.Fatal(s, err)
	}
	surplus := ledger.Link{ID: "11111111-4916-445c-a831-3c1468acf14e", URL: "https://checkout.paymentoptions.com/p/surplus"}
	if s, err := b.ledger.Issue(ctx, late, ledger.Issuance{Link: surplus}); err != nil || s != ledger.SettledSurplus {
		t.Fatal(s, err)
	}
	b.get(find(surplus.ID)).leads(orderPath(key("a")))
	b.fresh("/orders/surplus").want(http.StatusOK).says("Surplus links", surplus.ID, surplus.URL, "M-1001")
	b.get(orderPath(key("a"))).says("Surplus links 1").saysNot(surplus.ID)
}

// Results are looked through newest first, and no further than is fair to ask of Redis at once.
func TestFindByLinkLooksSoFarAndGoesOn(t *testing.T) {
	b := newBench(t, redistest.Server(t), false)
	b.submit(key("old"))
	b.issue(key("old"), usualLink)
	stream := b.ledger.Keys().Results()
	for range 25 {
		pipe := b.rdb.Pipeline()
		for range 1000 {
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: []string{"type", "email.sent", "data", "{}"}})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	c := b.counting()
	var first *answer
	if n := b.during(c, func() { first = b.get(find(usualLink.ID)) }); n > 150 {
		t.Errorf("it took %d commands", n)
	}
	first.want(http.StatusNotFound).says("among the 20,000 results looked through, back to")
	b.get(first.link("Look further back")).leads(orderPath(key("old")))
	b.get(find(usualLink.ID, "links", "yes", "before", "broken")).want(http.StatusNotFound).says("20,000")
}
