package pages

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
)

const (
	// tallyLife is for how long a tally is shown again.
	tallyLife = 5 * time.Second
	// tallied is how many failures, from the newest on, are counted by their codes: each takes a look at a record.
	tallied = 1000
)

// failedList is one of the two lists of what failed.
type failedList struct {
	name     string // in URLs
	noun     string
	doubtful string // the code after which something may be there that nobody saw
	of       func(*partition.Ledger) ledger.FailedList
}

var (
	linkFailures = failedList{"orders", "order", ledger.CodePossiblyIssued, (*partition.Ledger).FailedOrders}
	mailFailures = failedList{"emails", "email", ledger.CodeMailUnknown, (*partition.Ledger).FailedEmails}
	failedLists  = []failedList{linkFailures, mailFailures}
)

// listNamed returns the list of a name from a URL; that of orders, if there is none of that name.
func listNamed(name string) failedList {
	if name == mailFailures.name {
		return mailFailures
	}
	return linkFailures
}

// tally counts failures by code.
type tally struct {
	Codes  []codeCount // the most frequent first
	All    int
	Looked int // how many of them were counted, from the newest on
}

type codeCount struct {
	Code     string
	N        int
	LastHour int
	Doubtful int // that may have a link, or an email, that nobody knows of
	Newest   time.Time
}

// Complete reports whether every failure was counted.
func (t tally) Complete() bool { return t.Looked >= t.All }

// LastHour is how many of those counted failed in the last hour.
func (t tally) LastHour() (n int) {
	for _, c := range t.Codes {
		n += c.LastHour
	}
	return n
}

func (f failedList) tallying(l *partition.Ledger) func(context.Context) (tally, error) {
	return func(ctx context.Context) (tally, error) {
		list := f.of(l)
		all, err := list.Len(ctx)
		if err != nil || all == 0 {
			return tally{}, err
		}
		newest, _, err := list.Before(ctx, ledger.Cursor{}, tallied)
		t := tallyOf(newest, time.Now())
		t.All = max(all, t.Looked)
		if all <= tallied {
			t.All = t.Looked // one was replayed in between
		}
		return t, err
	}
}

func tallyOf(failures []ledger.FailedOrder, now time.Time) tally {
	by := map[string]*codeCount{}
	for _, o := range failures {
		c := by[o.Code]
		if c == nil {
			c = &codeCount{Code: o.Code}
			by[o.Code] = c
		}
		c.N++
		if now.Sub(o.FailedAt) < time.Hour {
			c.LastHour++
		}
		if o.LinkMayExist() {
			c.Doubtful++
		}
		if o.FailedAt.After(c.Newest) {
			c.Newest = o.FailedAt
		}
	}
	t := tally{Looked: len(failures)}
	for _, c := range by {
		t.Codes = append(t.Codes, *c)
	}
	slices.SortFunc(t.Codes, func(a, b codeCount) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Code, b.Code)) })
	return t
}

// Noun is what the list holds.
func (f failedList) Noun() string { return f.noun }

// Doubt is what somebody confirms who has a doubtful one replayed.
func (f failedList) Doubt() string {
	if f.name == mailFailures.name {
		return "The customer does not have the email, or may have it twice."
	}
	return "I have looked at the gateway: there is no link for the order, or it may have a second one."
}
