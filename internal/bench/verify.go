package bench

import (
	"context"
	"fmt"

	"github.com/hpplink/hpplink/internal/bench/stub"
	"github.com/hpplink/hpplink/internal/results"
)

// VoidError says that a run counts for nothing: links were lost or doubled.
type VoidError struct{ Why string }

func (e *VoidError) Error() string { return "void: " + e.Why }

// published reads the results of a stream: how many each ref has, and how many are no link.
func (s *server) published(ctx context.Context, key string) (byRef map[string]int, others int, err error) {
	byRef = map[string]int{}
	const page = 2000
	for after := "-"; ; {
		entries, err := s.rdb.XRangeN(ctx, key, after, "+", page).Result()
		if err != nil {
			return nil, 0, err
		}
		for _, e := range entries {
			if kind, typed := e.Values["type"]; typed && kind != results.LinkIssued {
				others++
				continue
			}
			ref, _ := e.Values["merchant_txn_ref"].(string)
			byRef[ref]++
		}
		if len(entries) < page {
			return byRef, others, nil
		}
		after = "(" + entries[len(entries)-1].ID
	}
}

// faults says what is wrong with the links of n orders, "" if each has exactly one.
func faults(n int, byRef map[string]int, others int, at stub.Counts) string {
	doubled := 0
	for _, times := range byRef {
		if times > 1 {
			doubled++
		}
	}
	switch {
	case len(byRef) < n:
		return fmt.Sprintf("%d of %d links are lost (%d results are no links)", n-len(byRef), n, others)
	case len(byRef) > n || others > 0:
		return fmt.Sprintf("%d results for %d orders that are no links of theirs", len(byRef)-n+others, n)
	case doubled > 0:
		return fmt.Sprintf("%d orders have more than one result", doubled)
	case at.Doubled > 0 || at.Posts != n || at.Refs != n:
		return fmt.Sprintf("the gateway saw %d POSTs for %d refs, %d of them more than once, and should have seen %d", at.Posts, at.Refs, at.Doubled, n)
	}
	return ""
}
