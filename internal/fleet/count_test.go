package fleet_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/results"
)

// told is what somebody has read of the result streams.
type told struct {
	links  map[string]map[string]bool // of each ref: the ids
	events int
	wrong  []string // events that are no links
	times  map[string][]time.Time
}

func nothing() *told {
	return &told{links: map[string]map[string]bool{}, times: map[string][]time.Time{}}
}

func (r *told) hear(e results.Event) error {
	d, err := results.Decode[results.Issued](e)
	if e.Type != results.LinkIssued || err != nil || d.LinkID == "" {
		r.wrong = append(r.wrong, fmt.Sprintf("%s %s: %s %v", e.Type, e.ID, e.Data, err))
		return nil
	}
	if r.links[e.Ref] == nil {
		r.links[e.Ref] = map[string]bool{}
	}
	r.links[e.Ref][d.LinkID] = true
	r.events++
	r.times[e.Stream] = append(r.times[e.Stream], published(e.StreamID))
	return nil
}

// published is when an entry was added, by Redis' clock, which its id says.
func published(id string) time.Time {
	text, _, _ := strings.Cut(id, "-")
	ms, _ := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms)
}

// each returns the times of all links, sorted.
func (r *told) each() []time.Time {
	all := slices.Concat(slices.Collect(maps.Values(r.times))...)
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// standstill is the longest time without a link in one stream, before its last one, and when it began.
func standstill(times []time.Time) (longest time.Duration, since time.Time) {
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d > longest {
			longest, since = d, times[i-1]
		}
	}
	return longest, since
}

// count is what came of n orders.
type count struct {
	n        int
	lost     int // orders without a link
	doubled  int // orders with two different links
	repeated int // links that were published once more
	shared   int // links of two orders
	posts    int
	surplus  int // links that the ledger lists as shown to nobody
	told     *told
}

func (c *count) String() string {
	return fmt.Sprintf("%d orders: %d lost, %d with two links, %d links published again; %d POSTs beyond one for each, %d surplus links listed",
		c.n, c.lost, c.doubled, c.repeated, c.posts-c.n, c.surplus)
}

// count reads all result streams, and holds what everybody has read against n orders. What may come late, as results that wait for
// a replica, is waited for.
func (f *fleet) count(n int, also ...*told) *count {
	f.t.Helper()
	c := &count{n: n}
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		c.told = nothing()
		if _, err := f.base.Results.Read(ctx, results.Start, c.told.hear); err != nil {
			f.t.Fatal(err)
		}
		if len(c.told.links) >= n || time.Now().After(end) {
			break
		}
	}
	of := map[string]string{}
	for i := range n {
		ref, links := refOf(i), map[string]bool{}
		for _, r := range append(also, c.told) {
			maps.Copy(links, r.links[ref])
		}
		switch len(links) {
		case 0:
			c.lost++
		case 1:
		default:
			c.doubled++
		}
		for link := range links {
			if of[link] != "" {
				c.shared++
			}
			of[link] = ref
		}
	}
	c.repeated, c.posts, c.surplus = c.told.events-len(of), f.gateway.Counts().Posts, f.surplus()
	for _, r := range append(also, c.told) {
		if len(r.wrong) > 0 {
			f.t.Errorf("%d results are no links, such as %s", len(r.wrong), r.wrong[0])
		}
	}
	if c.lost > 0 || c.doubled > 0 || c.shared > 0 || len(c.told.links) != n {
		f.t.Errorf("%d lost, %d with two links, %d links of two orders, results for %d refs; want none, none, none, and %d", c.lost, c.doubled, c.shared, len(c.told.links), n)
	}
	return c
}

// once wants that the gateway was asked once for each order, and each link was published once.
func (c *count) once(f *fleet) {
	f.t.Helper()
	if c.posts != c.n || c.repeated != 0 || c.surplus != 0 {
		f.t.Errorf("%d POSTs, %d links published again, %d surplus; want %d, none, none", c.posts, c.repeated, c.surplus, c.n)
	}
}

func (f *fleet) surplus() (n int) {
	f.t.Helper()
	for place := ledger.FirstSurplus; ; {
		links, next, err := f.base.Ledger.SurplusAfter(ctx, place, 100)
		if err != nil {
			f.t.Fatal(err)
		}
		if n += len(links); len(links) < 100 {
			return n
		}
		place = next
	}
}
