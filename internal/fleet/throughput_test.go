package fleet_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/redistest"
)

const (
	gatewayLatency = 150 * time.Millisecond
	laneCalls      = 20 // calls at once for each lane of a process: so few that the machine is no bound for four of them
	// A fifth of a process' calls, of both lanes, is kept for interactive orders, which are given all they can use; see laneOf.
	processCalls = 2 * laneCalls * 4 / 5
)

// ideal is how many links a second so many processes make of a gateway that takes its time and has no other limit.
func ideal(processes int) float64 { return float64(processes*processCalls) / gatewayLatency.Seconds() }

// TestThroughput has 1, 2 and 4 processes in front of a slow gateway: each adds as much as the first one.
func TestThroughput(t *testing.T) {
	together(t)
	off := sized(0.5, 0.10) // small ones run for a few seconds beside other tests, and show no more than that more processes do more
	var first float64
	for _, processes := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			f := beforeSlowGateway(t)
			n := int(ideal(processes) * sized(2.5, 20.0))
			rate := f.rateOf(processes, n)
			if first == 0 {
				first = rate
			}
			linear := rate / first / float64(processes)
			t.Logf("%d processes: %.0f links/s, %.3f of that many times one's; the gateway's latency allows %.0f", processes, rate, linear, ideal(processes))
			if math.Abs(linear-1) > off {
				t.Errorf("%.3f of linear, want within %.2f", linear, off)
			}
			f.count(n).once(f)
		})
	}
}

func beforeSlowGateway(t *testing.T) *fleet {
	t.Helper()
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0")
	return (&fleet{url: "redis://" + server.Addr + "/0", namespace: "hpp", concurrency: laneCalls}).begin(t, gatewayLatency)
}

// rateOf has processes work n orders that are there already, and returns how many links a second they publish while all of them do.
func (f *fleet) rateOf(processes, n int) float64 {
	f.t.Helper()
	f.produce(0, n).wait(f)
	f.start(processes)
	f.drained(n, 5*time.Minute)
	times := f.count(n).told.each()
	from, to := n*3/10, n*8/10 // after the start of all, before the last ones
	return float64(to-from) / times[to].Sub(times[from]).Seconds()
}

// TestGatewayIsTheLimit has four processes in front of a gateway that bears less than what two of them ask.
func TestGatewayIsTheLimit(t *testing.T) {
	together(t)
	limit := ideal(2) * 0.75
	n := int(limit * sized(3.0, 25.0))
	t.Run("it serves so many at once, others wait", func(t *testing.T) {
		f, at := beforeSlowGateway(t), make(chan struct{}, int(limit*gatewayLatency.Seconds()))
		f.gateway.Admit = func() (func(), bool) { at <- struct{}{}; return func() { <-at }, true }
		f.atLimit(n, limit, sized(0.30, 0.80))
		f.count(n).once(f)
	})
	t.Run("it refuses more than so many a second", func(t *testing.T) {
		f, b := beforeSlowGateway(t), &bucket{rate: limit, most: limit / 4}
		f.gateway.Admit = b.admit
		n := sized(n/2, n)
		f.atLimit(n, limit, sized(0.10, 0.50)) // what was refused together comes back together
		t.Logf("%d calls were refused with 429", b.refused)
		f.count(n).once(f)
	})
	t.Run("and the workers know how many", func(t *testing.T) {
		f, b := beforeSlowGateway(t), &bucket{rate: limit * 1.02, most: limit / 4}
		f.gateway.Admit, f.rate = b.admit, int(limit)
		f.atLimit(n, limit, sized(0.30, 0.95))
		t.Logf("%d calls were refused with 429", b.refused)
		if b.refused > n/100 {
			t.Errorf("%d calls were refused, though the rate is set", b.refused)
		}
		f.count(n).once(f)
	})
}

// atLimit wants that four processes make at least this share of what the gateway bears, and no more than that.
func (f *fleet) atLimit(n int, limit, least float64) {
	f.t.Helper()
	rate := f.rateOf(4, n)
	f.t.Logf("4 processes: %.0f links/s, %.3f of the %.0f that the gateway bears; they could ask it for %.0f", rate, rate/limit, limit, ideal(4))
	if rate < least*limit || rate > sized(1.5, 1.1)*limit {
		f.t.Errorf("%.3f of the limit, want %.2f to %.1f", rate/limit, least, sized(1.5, 1.1))
	}
}

// bucket serves so many calls a second, and refuses the others.
type bucket struct {
	rate, most float64

	mu      sync.Mutex
	has     float64
	at      time.Time
	refused int
}

func (b *bucket) admit() (done func(), served bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.at.IsZero() {
		b.has = b.most
	} else {
		b.has = min(b.most, b.has+now.Sub(b.at).Seconds()*b.rate)
	}
	if b.at = now; b.has < 1 {
		b.refused++
		return nil, false
	}
	b.has--
	return func() {}, true
}
