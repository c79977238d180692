package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// failEmail has an order get its link, and its email fail; with a doubt whether it went out.
func failEmail(t *testing.T, l *ledger.Ledger, k order.Key, doubtful bool) {
	t.Helper()
	s := submission(k, "red")
	s.Mail = true
	accept(t, l, s)
	got, err := l.Issue(ctx, claim(t, l, k), ledger.Issuance{Link: usualLink})
	settle(t, ledger.SettledIssued, got, err)
	again := []ledger.EmailReport{{Verdict: ledger.EmailFailed, Code: "smtp_550", Message: "no such mailbox"}}
	if doubtful {
		again = slices.Insert(again, 0, ledger.EmailReport{Verdict: ledger.EmailGone, Code: ledger.CodeMailUnknown})
	}
	for _, r := range again {
		c, err := l.ClaimEmail(ctx, k, ledger.NewNonce(), time.Minute)
		if err != nil || c.Grant != ledger.EmailGranted {
			t.Fatalf("%+v %v", c, err)
		}
		if _, err := l.Emailed(ctx, c.Attempt, r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailedEmailsAsListed(t *testing.T) {
	each(t, func(t *testing.T, l *ledger.Ledger, _ *redis.Client) {
		newFailed(t, l, key("without a link"), refused)
		failEmail(t, l, key("a"), false)
		failEmail(t, l, key("b"), true)
		failEmail(t, l, key("replayed"), false)
		failEmail(t, l, key("discarded"), false)
		if _, err := l.ReplayEmail(ctx, key("replayed"), 1, ledger.NewNonce()); err != nil {
			t.Fatal(err)
		}
		if err := l.DiscardEmail(ctx, key("discarded"), 1); err != nil {
			t.Fatal(err)
		}
		page, next, err := l.FailedEmails().After(ctx, ledger.Cursor{}, 10)
		if err != nil || len(page) != 2 || page[0].FailedAt.IsZero() {
			t.Fatalf("%+v %v", page, err)
		}
		slices.SortFunc(page, func(x, y ledger.FailedOrder) int { return x.FailedAt.Compare(y.FailedAt) })
		want := []ledger.FailedOrder{
			{Key: key("a"), Generation: 1, Lane: page[0].Lane, Code: "smtp_550", Message: "no such mailbox", Attempts: 1, FailedAt: page[0].FailedAt},
			{Key: key("b"), Generation: 1, Lane: page[0].Lane, Code: "smtp_550", Message: "no such mailbox", Attempts: 2, Uncertain: true, FailedAt: page[1].FailedAt},
		}
		if d := cmp.Diff(want, page); d != "" {
			t.Error(d)
		}
		if rest, end, err := l.FailedEmails().After(ctx, next, 10); len(rest) != 0 || end != next || err != nil {
			t.Errorf("after the end: %+v %v", rest, err)
		}
		names := []order.Key{key("a"), key("replayed"), key("discarded"), key("without a link"), key("unknown")}
		named, err := l.FailedEmails().Named(ctx, names)
		if err != nil {
			t.Fatal(err)
		}
		states := []ledger.MailState{ledger.MailFailed, ledger.MailPending, ledger.MailDiscarded, ledger.NoMail, ledger.NoMail}
		for i, o := range named {
			if o.Key != names[i] || o.Email != states[i] || o.Listed != (i == 0) {
				t.Errorf("%+v, want %q", o, states[i])
			}
		}
	})
}
