//go:build faults

package faults

import (
	"fmt"
	"strings"
	"sync"
)

// table is the report: a row for each fault, in the order of the rows.
type table struct {
	mu    sync.Mutex
	lines map[string]string
}

// begin marks a row until it is added.
func (b *table) begin(r row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines == nil {
		b.lines = map[string]string{}
	}
	b.lines[r.name] = fmt.Sprintf("%-50s FAILED: it did not come to its end", r.name)
}

// add counts a row that came to its end.
func (b *table) add(r row, c *count, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	verdict := "ok"
	if failed {
		verdict = "FAILED"
	}
	b.lines[r.name] = fmt.Sprintf("%-50s %6d %6d %6d %5d %7d %7d %8d %7.1f  %-6s  %s",
		r.name, c.orders, c.links, c.failed, c.lost, c.double, c.posts, c.surplus(), c.took.Seconds(), verdict, c.note+r.holds)
}

// String prints the table, and what its words mean.
func (b *table) String(seed uint64) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out strings.Builder
	fmt.Fprintf(&out, "\nFAULTS_SEED=%d; surplus: links that the gateway minted and nobody was shown; seconds: until the last order came out\n", seed)
	fmt.Fprintf(&out, "%-50s %6s %6s %6s %5s %7s %7s %8s %7s  %-6s  %s\n",
		"fault", "orders", "links", "failed", "lost", "doubled", "POSTs", "surplus", "seconds", "", "must hold, besides no loss and no second link")
	for _, r := range rows {
		if line, ran := b.lines[r.name]; ran {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}
