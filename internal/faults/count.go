//go:build faults

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/results"
)

// count is what came of a row's orders, by what others see.
type count struct {
	orders int
	links  int // refs with a published link
	failed int // refs with a published failure
	lost   int // accepted orders without any event
	double int // refs with two different published links, or two terminal events
	posts  int
	minted int
	listed int // surplus links that the ledger lists
	took   time.Duration

	note      string // for the table
	forgotten int    // order.rejected for orders that Redis forgot before their task came

	events map[string][]terminal
	mints  map[string][]sandbox.Entry
	emails map[string][]results.Event // email.sent and email.failed
	twice  int                        // emails that came more than once
}

// terminal is a link.issued or a link.failed.
type terminal struct {
	results.Event
	results.Issued
	code string // of a failure
}

// surplus is how many links the gateway minted that nobody was shown.
func (c *count) surplus() int { return c.minted - c.links }

type summary struct {
	Posts  int `json:"posts"`
	Minted int `json:"minted"`
	Refs   int `json:"refs"` // distinct ones
}

func (s *system) summary() (n summary, err error) {
	return n, getJSON("http://"+s.gateway+"/_sandbox/journal/summary", &n)
}

func getJSON(url string, into any) error {
	res, err := http.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(into)
}

// journal returns every POST once the gateway has ended all of them.
func (s *system) journal() (all []sandbox.Entry) {
	s.t.Helper()
	s.await("the gateway to end every POST", func() error {
		for {
			var page struct{ Entries []sandbox.Entry }
			if err := getJSON(fmt.Sprintf("http://%s/_sandbox/journal?limit=10000&after=%d", s.gateway, len(all)), &page); err != nil {
				return err
			}
			if all = append(all, page.Entries...); len(page.Entries) == 0 {
				break
			}
		}
		n, err := s.summary()
		if err == nil && n.Posts != len(all) {
			err = fmt.Errorf("%d of %d have ended", len(all), n.Posts)
		}
		return err
	})
	return all
}

type status struct {
	Open    int `json:"open"`
	Failed  int `json:"failed"`
	Surplus int `json:"surplus_links"`
}

// status asks the program itself.
func (s *system) status() (st status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "status", "--json", "--redis", "redis://"+s.redis.Addr+"/0").Output()
	if err != nil {
		return st, fmt.Errorf("hpplink status: %w", err)
	}
	return st, json.Unmarshal(out, &st)
}

// drain waits until every order has its event and nothing is open, and counts. It counts all the
// same when the time is up: then orders are lost.
func (s *system) drain(begun time.Time) *count {
	s.t.Helper()
	err := s.eventually(time.Until(s.deadline), func() error {
		_, refs, err := s.results.seen()
		if err == nil && refs < s.row.orders() {
			err = fmt.Errorf("%d of %d orders have an event", refs, s.row.orders())
		}
		if err != nil {
			return err
		}
		counts, err := s.base.Ledger.Counts(context.Background())
		if err == nil && counts.Open() > 0 {
			err = fmt.Errorf("%d orders are open", counts.Open())
		}
		return err
	})
	if err != nil {
		s.t.Errorf("when the row's time was up: %v", err)
	}
	return s.count(begun)
}

func (s *system) count(begun time.Time) *count {
	s.t.Helper()
	c := &count{orders: s.row.orders(), note: s.note, events: map[string][]terminal{}, mints: map[string][]sandbox.Entry{}, emails: map[string][]results.Event{}}
	for _, e := range s.journal() {
		c.posts++
		if e.LinkID != "" {
			c.minted++
			c.mints[e.Ref] = append(c.mints[e.Ref], e)
		}
	}
	events, _, _ := s.results.seen()
	for _, e := range events {
		if e.Type == results.OrderRejected && s.row.lossy {
			// A producer stood between Accept and its task when power went: "send the whole order again" is right.
			c.forgotten++
			continue
		}
		if e.Type == results.EmailSent || e.Type == results.EmailFailed {
			c.emails[e.Ref] = append(c.emails[e.Ref], e)
			continue
		}
		t, err := read(e)
		if err != nil {
			s.t.Errorf("event %s: %v", e.ID, err)
		}
		c.events[e.Ref] = append(c.events[e.Ref], t)
	}
	c.took = s.results.lastCame().Sub(begun)
	for i := range c.orders {
		c.add(c.events[refOf(i)])
	}
	return c
}

func read(e results.Event) (terminal, error) {
	t := terminal{Event: e}
	switch e.Type {
	case results.LinkIssued:
		d, err := results.Decode[results.Issued](e)
		t.Issued = d
		return t, err
	case results.LinkFailed:
		d, err := results.Decode[results.Failed](e)
		t.code, t.Uncertain = d.Code, d.Uncertain
		return t, err
	}
	return t, fmt.Errorf("unexpected type %s: %s", e.Type, e.Data)
}

// add counts what became of one order.
func (c *count) add(events []terminal) {
	links := map[string]bool{}
	generations := map[int]int{}
	failed := false
	for _, e := range events {
		generations[e.Generation]++
		if e.Type == results.LinkIssued {
			links[e.LinkID] = true
		} else {
			failed = true
		}
	}
	switch {
	case len(events) == 0:
		c.lost++
	case len(links) > 0:
		c.links++
	case failed:
		c.failed++
	}
	twice := len(links) > 1
	for _, n := range generations {
		twice = twice || n > 1
	}
	if twice {
		c.double++
	}
}
