package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestDrain(t *testing.T) {
	const n = 40 // so many that some come between the first look at them and the last
	refs := "1"
	for i := 2; i <= n; i++ {
		refs += fmt.Sprint(",", i)
	}
	b, fake, raw := newBench(t, refs+"/"+refs+":link.issued")
	table, err := b.collect(t.Context(), drainCase{name: "drain", title: "Drain", rounds: 2, orders: n, inFlight: 1, contenders: []contender{fake}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(table.samples["fake"]); n != 2 {
		t.Errorf("%d samples of two rounds", n)
	}
	lines := strings.Split(strings.TrimSpace(raw.String()), "\n")
	var s Sample
	if err := json.Unmarshal([]byte(lines[0]), &s); err != nil || len(lines) != 2 || s.Contender != "fake" || s.Round != 1 {
		t.Errorf("%v: %s", err, raw)
	}
	if rate := s.Values[drained]; rate <= 0 || rate > 1/0.002 {
		t.Errorf("%v links/s, with 2 ms and more between any two", rate)
	}
	if s.Values[peak] <= 0 || s.Values[resultBytes] <= 0 || s.Values[commands] < 0 {
		t.Errorf("%v", s.Values)
	}
}

// TestVoidRuns: whatever is wrong with the links, the numbers count for nothing.
func TestVoidRuns(t *testing.T) {
	for name, c := range map[string]struct{ script, why string }{
		"a result is missing":          {"1,2,3/1,2", "2 of 3 orders are done"},
		"one is lost, one doubled":     {"1,2,3/1,2,2", "1 of 3 links are lost"},
		"doubled result":               {"1,2,3/1,2,3,3", "1 orders have more than one result"},
		"a failure is no link":         {"1,2,3/1,2,3:link.failed", "1 of 3 links are lost (1 results are no links)"},
		"something else is published":  {"1,2,3/1,2,3,1:order.rejected", "1 results for 3 orders that are no links"},
		"doubled POST":                 {"1,2,3,3/1,2,3", "1 of them more than once"},
		"a link that nobody asked for": {"1,2/1,2,3", "the gateway saw 2 POSTs"},
	} {
		t.Run(name, func(t *testing.T) {
			b, fake, raw := newBench(t, c.script)
			_, err := b.drain(t.Context(), fake, drainCase{orders: 3, inFlight: 1})
			var void *VoidError
			if !errors.As(err, &void) || !strings.Contains(err.Error(), c.why) || raw.Len() > 0 {
				t.Errorf("%v, want %q; recorded %q", err, c.why, raw)
			}
		})
	}
}

func TestAWorkerThatEndsIsTold(t *testing.T) {
	b, fake, _ := newBench(t, "")
	fake.work = func(*lab, int) command { return command{path: b.self, args: []string{"fail"}} }
	_, err := b.drain(t.Context(), fake, drainCase{orders: 3, inFlight: 1})
	if err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("%v", err)
	}
}

func TestUnknownNames(t *testing.T) {
	for _, o := range []Options{{Only: []string{"drian"}}, {Contenders: []string{"asynq"}}} {
		if _, err := New("", o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
