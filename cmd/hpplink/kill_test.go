package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/results"
)

// recoverWithin is how soon after a kill -9 the last order of the dead worker must be out, although
// the gateway's time-out, and so a lease, is longer.
const recoverWithin = 10 * time.Second

// TestKilledWorkersOrdersGoToOthers kills a worker in the middle of its calls while another is alive.
func TestKilledWorkersOrdersGoToOthers(t *testing.T) {
	t.Parallel()
	s := startSystem(t, 2, "--latency", "500ms")
	const n = 600
	s.produce(t, n, 1)
	if err := eventually("links from both workers", func() error {
		at, err := journal(s.gateway)
		if err == nil && at.Posts < n/4 {
			err = fmt.Errorf("%d POSTs so far", at.Posts)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	if err := s.workers[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}

	uncertain, last := 0, time.Time{}
	refs := map[string]bool{}
	for _, e := range s.drain(t, n) {
		d, err := results.Decode[results.Issued](e)
		if err != nil || e.Type != results.LinkIssued || refs[e.Ref] {
			t.Fatalf("result %+v: %v; seen before: %v", e, err, refs[e.Ref])
		}
		refs[e.Ref] = true
		if d.Uncertain {
			uncertain, last = uncertain+1, e.Time
		}
	}
	seen, err := journal(s.gateway)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d orders were with the worker when it was killed; the last was out after %v; %d links were minted for %d orders",
		uncertain, last.Sub(at).Round(time.Millisecond), seen.Minted, n)
	if uncertain == 0 {
		t.Fatal("the kill met no order: nothing was tested")
	}
	if last.Sub(at) > recoverWithin {
		t.Errorf("the last order of the killed worker was out after %v, want %v", last.Sub(at), recoverWithin)
	}
	if len(refs) != n || seen.Refs != n || seen.Doubled > uncertain {
		t.Errorf("%d orders have a link, the gateway saw %+v, and %d were marked uncertain", len(refs), seen, uncertain)
	}
}
