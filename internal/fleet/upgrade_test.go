package fleet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/redistest"
)

// TestRollingUpgrade has a process of the former version and one of this work the same orders, and take them in; half way the former
// one is asked to end, and another one of this version begins.
func TestRollingUpgrade(t *testing.T) {
	together(t)
	n := sized(600, 5000)
	server := redistest.StartServer(t, "--appendonly", "yes")
	f := (&fleet{url: "redis://" + server.Addr + "/0", namespace: "hpp", concurrency: 20}).begin(t, 50*time.Millisecond)
	binary, what := former(t)
	t.Logf("the former version is %s", what)
	old := f.launch(binary, "former")
	f.ready(old) // first: so it is the one that meets an empty Redis
	next := f.launch(program, "this-0")
	f.ready(next)

	var doors atomic.Pointer[[]string]
	doors.Store(&[]string{old.listen, next.listen})
	over := &posting{doors: &doors}
	over.upTo.Store(int64(n / 2))
	over.begin(n)
	third := f.launch(program, "this-1")
	f.ready(third)
	doors.Store(&[]string{old.listen, next.listen, third.listen})
	over.upTo.Store(int64(n * 3 / 4))
	f.asked(n/2 + 1)
	byFormer := old.issued(t)
	ended := old.stop(t) // while orders come: whoever meets its end sends again, elsewhere
	doors.Store(&[]string{next.listen, third.listen})
	over.upTo.Store(int64(n))
	f.workers = []*process{next, third}
	if err := over.all.Wait(); err != nil {
		t.Fatal(err)
	}
	f.drained(n, patience)
	c := f.count(n)
	t.Logf("%v; %d lines were sent again; the former one ended within %v of SIGTERM", c, over.resent.Load(), ended.Round(time.Millisecond))
	t.Logf("former: %d links just before its end; took %d orders in", byFormer, over.taken(old))
	f.worked()
	t.Logf("orders taken in by this-0: %d, by this-1: %d", over.taken(next), over.taken(third))
	if byFormer == 0 || over.taken(old) == 0 || over.taken(next) == 0 || over.taken(third) == 0 {
		t.Error("one of them did nothing")
	}
	c.once(f)
}

// posting is producers that hand orders in by HTTP, a few lines at a time, at whichever process is there.
type posting struct {
	doors  *atomic.Pointer[[]string]
	upTo   atomic.Int64 // orders from this one on are not handed in yet
	resent atomic.Int64
	by     sync.Map // door: how many orders it took, *atomic.Int64
	all    errgroup.Group
}

func (p *posting) taken(by *process) int64 { return p.at(by.listen).Load() }

func (p *posting) at(door string) *atomic.Int64 {
	n, _ := p.by.LoadOrStore(door, &atomic.Int64{})
	return n.(*atomic.Int64)
}

func (p *posting) begin(n int) {
	for at := range producers {
		p.all.Go(func() error {
			for from := at * burst; from < n; from += producers * burst {
				for from >= int(p.upTo.Load()) {
					time.Sleep(5 * time.Millisecond)
				}
				if err := p.hand(from, min(from+burst, n)); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// hand posts lines until each was accepted.
func (p *posting) hand(from, to int) error {
	lines := map[string]int{}
	for i := from; i < to; i++ {
		lines[refOf(i)] = i
	}
	var last error
	for end, try := time.Now().Add(patience), from/burst; time.Now().Before(end); try++ {
		doors := *p.doors.Load()
		door := doors[try%len(doors)]
		taken, err := post(door, lines)
		for _, ref := range taken {
			delete(lines, ref)
		}
		p.at(door).Add(int64(len(taken)))
		if len(lines) == 0 {
			return nil
		}
		last = err
		p.resent.Add(int64(len(lines)))
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%d orders were never accepted: %w", len(lines), last)
}

// post hands lines in at one door, and returns the refs that it has accepted.
func post(door string, lines map[string]int) (taken []string, err error) {
	var body bytes.Buffer
	for _, i := range lines {
		body.Write(append(event(i), '\n'))
	}
	lane := "interactive"
	for _, i := range lines {
		lane = string(laneOf(i))
		break
	}
	res, err := http.Post("http://"+door+"/v1/orders/batch?lane="+lane, "application/x-ndjson", &body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	for answers := json.NewDecoder(res.Body); ; {
		var a struct {
			Status string `json:"status"`
			Ref    string `json:"merchant_txn_ref"`
		}
		if err := answers.Decode(&a); err != nil {
			return taken, err // the end, mostly
		}
		switch a.Status {
		case "accepted", "known":
			taken = append(taken, a.Ref)
		case "unknown":
		default:
			return taken, fmt.Errorf("%s: %s", a.Ref, a.Status)
		}
	}
}
