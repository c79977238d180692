//go:build faults

package faults

import (
	"context"
	"fmt"
	"slices"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/results"
)

// unfit are the gateway's answers whose links must not be shown to anybody.
var unfit = []string{"mismatch", "unreadable", "wrong-host"}

// verify holds a count against the invariants of every row, and returns what is wrong.
func (s *system) verify(c *count) (wrong []string) {
	blame := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if c.lost > 0 {
		blame("%d accepted orders have no event", c.lost)
	}
	if c.double > 0 && !s.row.lossy {
		blame("%d orders have two links or two terminal events", c.double)
	}
	if want := c.orders * s.row.failing / 100; !s.row.mayFail && c.failed != want {
		blame("%d orders failed, want %d", c.failed, want)
	}
	wrong = append(wrong, s.verifySurplus(c)...)
	if s.row.mail {
		wrong = append(wrong, s.verifyMails(c)...)
	}
	urls := map[string]string{}
	for i := range c.orders {
		ref := refOf(i)
		for _, problem := range s.verifyOrder(i, c.events[ref], c.mints[ref]) {
			blame("order %s: %s", ref, problem)
		}
		for _, e := range c.events[ref] {
			if other, taken := urls[e.URL]; e.URL != "" && taken && other != ref {
				blame("order %s has the link of %s", ref, other)
			}
			urls[e.URL] = ref
		}
	}
	switch st, err := s.status(); {
	case err != nil:
		blame("%v", err)
	case st.Open != 0 || st.Failed != c.failed:
		blame("hpplink status says %d open and %d failed, want 0 and %d", st.Open, st.Failed, c.failed)
	default:
		c.listed = st.Surplus
	}
	return wrong
}

// verifyOrder looks at what was published about one order, and at what was minted for it.
func (s *system) verifyOrder(i int, events []terminal, mints []sandbox.Entry) (wrong []string) {
	for _, e := range events {
		if e.ID != events[0].ID && e.Generation == events[0].Generation {
			wrong = append(wrong, fmt.Sprintf("two events of one generation: %s and %s", events[0].ID, e.ID))
		}
		if e.Type == results.LinkIssued {
			wrong = append(wrong, wrongLink(i, e, mints)...)
		} else if hidden(events, mints) > 0 && e.code != ledger.CodePossiblyIssued {
			wrong = append(wrong, "it failed with "+e.code+" while a link exists")
		}
		// A Redis that lost power forgot what happened in its last second, so it can not say.
		if len(mints) > 1 && !e.Uncertain && !s.row.lossy {
			wrong = append(wrong, fmt.Sprintf("%d links were minted, and its result does not say uncertain", len(mints)))
		}
	}
	return wrong
}

// hidden is how many links were minted that no event shows, in whichever generation.
func hidden(events []terminal, mints []sandbox.Entry) (n int) {
	for _, m := range mints {
		if !slices.ContainsFunc(events, func(e terminal) bool { return e.LinkID == m.LinkID }) {
			n++
		}
	}
	return n
}

// wrongLink says why a published link is none that the gateway made for this order and said so.
func wrongLink(i int, e terminal, mints []sandbox.Entry) (wrong []string) {
	at := slices.IndexFunc(mints, func(m sandbox.Entry) bool { return m.LinkID == e.LinkID })
	switch {
	case at < 0:
		wrong = append(wrong, "its link was never minted for it: "+e.LinkID)
	case slices.Contains(unfit, mints[at].Fault):
		wrong = append(wrong, "a link was published out of an answer with the fault "+mints[at].Fault)
	}
	if e.Amount != amountOf(i) || e.Currency != "JPY" || e.MerchantID != merchantID {
		wrong = append(wrong, fmt.Sprintf("its result is about %s %s of %s", e.Amount, e.Currency, e.MerchantID))
	}
	return wrong
}

// verifySurplus holds the ledger's list of links that nobody was shown against what was minted and shown.
func (s *system) verifySurplus(c *count) (wrong []string) {
	entries, err := s.rdb.XRange(context.Background(), s.base.Ledger.Keys().Surplus(), "-", "+").Result()
	if err != nil {
		return []string{err.Error()}
	}
	listed := map[string]bool{}
	for _, entry := range entries {
		ref, _ := entry.Values["merchant_txn_ref"].(string)
		link, _ := entry.Values["link_id"].(string)
		switch {
		case listed[link]:
			wrong = append(wrong, "surplus link "+link+" is listed twice")
		case slices.ContainsFunc(c.events[ref], func(e terminal) bool { return e.LinkID == link }):
			wrong = append(wrong, "surplus link "+link+" is the published one of "+ref)
		case !slices.ContainsFunc(c.mints[ref], func(m sandbox.Entry) bool { return m.LinkID == link }):
			wrong = append(wrong, "surplus link "+link+" was never minted for "+ref)
		}
		listed[link] = true
	}
	return wrong
}
