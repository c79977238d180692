package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// refsOn are the orders that a page's table lists.
func refsOn(a *answer) (refs []string) {
	for name := range rowsOf(a.body) {
		refs = append(refs, name)
	}
	slices.Sort(refs)
	return refs
}

// to is where a link of a page with this text leads.
func (a *answer) link(text string) string {
	a.t.Helper()
	for _, n := range elements(a.body, "a") {
		if within(n) == text {
			return attribute(n, "href")
		}
	}
	a.t.Fatalf("there is no link %q in %.2000s", text, textOf(a.body))
	return ""
}

func TestFailedOrdersByCodeAndPage(t *testing.T) {
	each(t, func(b *bench) {
		for i := range 105 {
			b.fail(key(fmt.Sprintf("r%03d", i)), refused)
			if i%25 == 0 {
				b.fail(key(fmt.Sprintf("g%03d", i)), ledger.Failure{Code: "gave_up", Message: "no answer (timeout)", Asked: true})
			}
		}
		all := b.get("/orders/failed").want(http.StatusOK).says("All 110", "rejected 105", "gave_up 5")
		if refs := refsOn(all); len(refs) != 50 || !slices.Contains(refs, "r104") || slices.Contains(refs, "r000") {
			b.t.Errorf("newest first: %v", refs)
		}
		if refs := refsOn(b.get(all.link("gave_up 5"))); !slices.Equal(refs, []string{"g000", "g025", "g050", "g075", "g100"}) {
			b.t.Errorf("with a code: %v", refs)
		}
		seen := map[string]int{}
		page := b.get(all.link("rejected 105")).says("The gateway refuses such an order as it is")
		for n := 0; ; n++ {
			for _, ref := range refsOn(page) {
				seen[ref]++
			}
			if !strings.Contains(page.body, ">Older<") {
				break
			}
			page = b.get(page.link("Older")).want(http.StatusOK)
		}
		if len(seen) != 105 || seen["r000"] != 1 || seen["r104"] != 1 {
			b.t.Errorf("%d orders on all pages", len(seen))
		}
		b.get("/orders/failed?code=nonesuch").want(http.StatusOK).says("None with this code")
		b.get("/orders/failed?before=broken").want(http.StatusOK).says("All 110")
	})
}

func TestFailedListHasNoPersonalData(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), true)
	b.fail(key("a"), refused)
	b.get("/orders/failed").says("the amount is too small").saysNot(private, apiKey)
	b.get(orderPath(key("a"))).says("the amount is too small").saysNot(private, apiKey)
}

func TestReadOnlyPagesHaveNoButtonsAndSayHowToGetThem(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), false)
	b.fail(key("a"), refused)
	for _, path := range []string{"/orders/failed", "/orders/failed?code=rejected", orderPath(key("a")), "/orders/failed/replay?code=rejected", "/orders/failed/replay?key=" + url.QueryEscape(key("a").String())} {
		a := b.get(path).want(http.StatusOK).says("--dashboard-write", "HPPLINK_DASHBOARD_WRITE=true")
		for _, form := range elements(a.body, "form") {
			if strings.HasPrefix(attribute(form, "action"), "/orders") && attribute(form, "method") == "post" {
				t.Errorf("%s has a form for %s", path, attribute(form, "action"))
			}
		}
	}
	b.get("/orders/failed?code=rejected").says("hpplink failed replay --code rejected", "hpplink failed discard")
}

func TestReplayOfOne(t *testing.T) {
	each(t, func(b *bench) {
		b.fail(key("a"), refused)
		a := b.post("/orders/replay", "key", key("a").String(), "generation", "1").want(http.StatusSeeOther)
		page := b.fresh(a.to).want(http.StatusOK).says("Replayed at", "generation 2 began, and is queued now", "Generation 2 began: it was replayed")
		if len(byTag(page.body, "replay")) != 0 {
			b.t.Error("it can be replayed again")
		}
		b.get("/orders/failed").says("None.")
		// The form sent again, as by a reload, does nothing.
		again := b.post("/orders/replay", "key", key("a").String(), "generation", "1").want(http.StatusSeeOther)
		b.get(again.to).says("Nothing was replayed: the order had moved on")
		if r, _, err := b.ledger.Get(ctx, key("a")); err != nil || r.Generation != 2 || r.State != ledger.Queued {
			b.t.Errorf("%+v %v", r, err)
		}
	})
}

// byTag are the forms whose action is about something.
func byTag(page, about string) (forms []string) {
	for _, f := range elements(page, "form") {
		if strings.Contains(attribute(f, "action"), about) {
			forms = append(forms, attribute(f, "action"))
		}
	}
	return forms
}

// What the address says is not believed where the order does not bear it out.
func TestReplayedIsNotSaidOfOthers(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), true)
	b.fail(key("a"), refused)
	for _, query := range []string{"?replayed=1", "?replayed=2", "?replayed=x", "?replayed=1&list=emails"} {
		b.get(orderPath(key("a"))+query).want(http.StatusOK).saysNot("Replayed", "sent again")
	}
}

func TestReplayOfADoubtfulOneAsksFirst(t *testing.T) {
	each(t, func(b *bench) {
		b.fail(key("a"), ledger.Failure{Code: ledger.CodePossiblyIssued, Message: "known (http_409)", Asked: true})
		form := []string{"key", key("a").String(), "generation", "1"}
		a := b.post("/orders/replay", form...).want(http.StatusSeeOther)
		b.get(a.to).want(http.StatusOK).says("Replay a?", "I have looked at the gateway")
		if r, _, _ := b.ledger.Get(ctx, key("a")); r.State != ledger.Failed {
			b.t.Fatal("it was replayed without being asked")
		}
		a = b.post("/orders/replay", append(form, "sure", "yes")...).want(http.StatusSeeOther)
		b.get(a.to).says("generation 2 began")
	})
}

func TestReplayOfBadForms(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), true)
	for _, form := range [][]string{{}, {"key", "nokey", "generation", "1"}, {"key", "M:a"}, {"key", "M:a", "generation", "x"}} {
		b.post("/orders/replay", form...).want(http.StatusBadRequest).says("Nothing was replayed")
	}
	for _, form := range [][]string{{}, {"code", "rejected"}, {"code", "rejected", "cutoff", "x"}, {"cutoff", "1"}, {"code", "x", "cutoff", "1", "after", "?"}} {
		b.post("/orders/failed/replay", form...).want(http.StatusBadRequest).says("Nothing was replayed")
	}
	a := b.post("/orders/replay", "key", "M-1001:unknown", "generation", "1").want(http.StatusSeeOther)
	b.get(a.to).want(http.StatusNotFound).says("No order with the ref “unknown” of merchant “M-1001”")
}

// formOf are the fields of a page's form to replay many.
func formOf(a *answer) (fields []string) {
	a.t.Helper()
	for _, form := range elements(a.body, "form") {
		if attribute(form, "action") != "/orders/failed/replay" {
			continue
		}
		for n := range form.Descendants() {
			if n.Data == "input" && attribute(n, "type") == "hidden" {
				fields = append(fields, attribute(n, "name"), attribute(n, "value"))
			}
		}
	}
	if len(fields) == 0 {
		a.t.Fatalf("there is no form in %s", textOf(a.body))
	}
	return fields
}

func TestReplayOfAllWithACode(t *testing.T) {
	each(t, func(b *bench) {
		for i := range 7 {
			b.fail(key(fmt.Sprint("r", i)), refused)
		}
		b.fail(key("other"), ledger.Failure{Code: "gave_up", Message: "x", Asked: true})
		b.fail(key("uncertain"), ledger.Failure{Code: "rejected", Message: "x", Asked: true, Uncertain: true})
		asked := b.get("/orders/failed/replay?code=rejected").want(http.StatusOK).says("Replay 8 orders that failed with rejected?", "1 order of them is left out, unless")
		time.Sleep(2 * time.Millisecond) // past the millisecond in which it was asked
		b.fail(key("later"), refused)
		form := formOf(asked)
		b.post("/orders/failed/replay", form...).want(http.StatusOK).says("7 orders replayed", "Each began another generation", "1 order was left out", "r3", "2")
		b.get("/orders/failed").says("All 3")
		states := map[string]ledger.State{"r0": ledger.Queued, "r6": ledger.Queued, "other": ledger.Failed, "uncertain": ledger.Failed, "later": ledger.Failed}
		for ref, want := range states {
			if r, _, err := b.ledger.Get(ctx, key(ref)); err != nil || r.State != want {
				b.t.Errorf("%s is %s, want %s", ref, r.State, want)
			}
		}
		// One that fails again meanwhile is not replayed by the same click, nor by the same form once more.
		b.failOpen(key("r0"), refused)
		b.post("/orders/failed/replay", form...).says("0 orders replayed")
		b.post("/orders/failed/replay", append(form, "sure", "yes")...).says("1 order replayed", "uncertain")
	})
}

func TestReplayOfAllGoesOnWhereItStopped(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), true)
	for i := range 3 {
		b.fail(key(fmt.Sprint("r", i)), refused)
	}
	form := formOf(b.get("/orders/failed/replay?code=rejected"))
	page, place, err := b.ledger.FailedOrders().After(ctx, ledger.Cursor{}, 1)
	if err != nil || len(page) != 1 {
		t.Fatal(page, err)
	}
	b.post("/orders/failed/replay", append(form, "after", place.String())...).says("2 orders replayed")
}

// failEmail has an order get its link, and its email fail.
func (b *bench) failEmail(k order.Key, report ledger.EmailReport) {
	b.t.Helper()
	s := ledger.Submission{Key: k, Lane: order.Interactive, Fingerprint: order.Fingerprint{Sum: "1:x", Fields: "acEUR"}, Order: payload(k), Mail: true}
	if _, err := b.ledger.Accept(ctx, s); err != nil {
		b.t.Fatal(err)
	}
	b.issue(k, usualLink)
	b.email(k, report)
}

func (b *bench) email(k order.Key, report ledger.EmailReport) {
	b.t.Helper()
	c, err := b.ledger.ClaimEmail(ctx, k, ledger.NewNonce(), time.Minute)
	if err != nil || c.Grant != ledger.EmailGranted {
		b.t.Fatalf("%+v %v", c, err)
	}
	if _, err := b.ledger.Emailed(ctx, c.Attempt, report); err != nil {
		b.t.Fatal(err)
	}
}

var noSuchMailbox = ledger.EmailReport{Verdict: ledger.EmailFailed, Code: "smtp_550", Message: "RCPT: 550 5.1.1 no such user"}

func TestFailedEmails(t *testing.T) {
	each(t, func(b *bench) {
		b.failEmail(key("a"), noSuchMailbox)
		b.failEmail(key("b"), noSuchMailbox)
		b.fresh("/orders").says("2 emails failed with smtp_550", "Failed emails 2")
		b.get("/orders/failed").says("None.")
		b.get("/orders/failed?list=emails").says("Failed emails", "smtp_550 2", "no such user", "hpplink failed discard --email").saysNot(private)
		a := b.post("/orders/replay", "key", key("a").String(), "generation", "1", "list", "emails").want(http.StatusSeeOther)
		b.fresh(a.to).says("Its email is sent again; the link stays as it is.", usualLink.URL)
		form := formOf(b.get("/orders/failed/replay?list=emails&code=smtp_550").says("Replay 1 email that failed with smtp_550?"))
		b.post("/orders/failed/replay", form...).says("1 email replayed", "waits for a worker that sends emails")
		for _, ref := range []string{"a", "b"} {
			if r, _, err := b.ledger.Get(ctx, key(ref)); err != nil || r.State != ledger.Issued || r.Email.State != ledger.MailPending || r.Generation != 1 {
				b.t.Errorf("%s: %+v %v", ref, r, err)
			}
		}
	})
}

func TestReplayOfADoubtfulEmailAsksFirst(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr(), true)
	b.failEmail(key("a"), ledger.EmailReport{Verdict: ledger.EmailGone, Code: ledger.CodeMailUnknown, Message: "no answer"})
	b.email(key("a"), ledger.EmailReport{Verdict: ledger.EmailGone, Code: ledger.CodeMailUnknown, Message: "no answer"})
	a := b.post("/orders/replay", "key", key("a").String(), "generation", "1", "list", "emails").want(http.StatusSeeOther)
	b.get(a.to).want(http.StatusOK).says("Replay the email of a?", "The customer does not have the email, or may have it twice.")
	if r, _, _ := b.ledger.Get(ctx, key("a")); r.Email.State != ledger.MailFailed {
		t.Errorf("%+v", r.Email)
	}
}
