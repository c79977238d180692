package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
)

// commands counts what a client asks of Redis.
type commands struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *commands) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.count(cmd)
		return next(ctx, cmd)
	}
}

func (c *commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.count(cmds...)
		return next(ctx, cmds)
	}
}

func (c *commands) count(cmds ...redis.Cmder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range cmds {
		c.n[strings.Join(strings.Fields(cmd.FullName()), " ")]++
	}
}

// take returns the counts so far, and begins anew.
func (c *commands) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = map[string]int{}
	return n
}

func (c *commands) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

// waited is what a number of waiting requests saw and cost.
type waited struct {
	idle  map[string]int  // commands over a second in which nothing happened
	busy  map[string]int  // commands while links were published
	took  time.Duration   // to publish them
	after []time.Duration // from before each link's publication until its request was answered, sorted
}

// quietSecond is how long nothing happens while requests wait.
const quietSecond = time.Second

// waitForLinks has so many requests wait on a real Redis, and publishes links, a millisecond apart.
func waitForLinks(t *testing.T, waiting int) (w waited) {
	addr := redistest.Server(t)
	b := newBenchAt(t, addr)
	counted := &commands{n: map[string]int{}}
	b.rdb.AddHook(counted)
	answered := make([]func() time.Time, waiting)
	for i := range answered {
		answered[i] = b.timed(request{method: http.MethodPost, path: "/v1/orders?wait=60s", body: ref(fmt.Sprint("r", i))})
	}
	for end := time.Now().Add(patience); counted.of("zcard") < 2*waiting; time.Sleep(time.Millisecond) { // the last step before waiting looks at the breaker
		if time.Now().After(end) {
			t.Fatalf("%d of %d wait", counted.of("zcard")/2, waiting)
		}
	}
	time.Sleep(100 * time.Millisecond)
	counted.take()
	time.Sleep(quietSecond)
	w.idle = counted.take()
	published := publishLinks(t, addr, waiting)
	for i, at := range published {
		w.after = append(w.after, answered[i]().Sub(at))
	}
	w.busy, w.took = counted.take(), time.Since(published[0])
	slices.Sort(w.after)
	return w
}

// publishLinks does what workers do, by a client of its own, and returns when each publication began.
func publishLinks(t *testing.T, addr string, n int) []time.Time {
	t.Helper()
	other := &bench{t: t, ledger: ledger.New(redistest.Client(t, addr), "hpp", 0)}
	attempts, began := make([]ledger.Attempt, n), make([]time.Time, n)
	for i := range attempts {
		attempts[i] = other.claim(key(fmt.Sprint("r", i)))
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i, a := range attempts {
		<-tick.C
		began[i] = time.Now()
		is := ledger.Issuance{Link: ledger.Link{ID: "L", URL: "https://pay.example/" + a.Key.Ref}, Amount: "1000", Currency: "JPY"}
		if s, err := other.ledger.Issue(ctx, a, is); err != nil || s != ledger.SettledIssued {
			t.Fatalf("%q %v", s, err)
		}
	}
	return began
}

// timed sends a request, and returns when its whole answer was there.
func (b *bench) timed(r request) func() time.Time {
	type outcome struct {
		at time.Time
		answer
		error
	}
	ch := make(chan outcome, 1)
	go func() {
		a, err := b.try(ctx, r)
		ch <- outcome{time.Now(), a, err}
	}()
	return func() time.Time {
		b.t.Helper()
		o := <-ch
		if o.error != nil || o.status != http.StatusOK || !strings.Contains(o.body, "https://pay.example/") {
			b.t.Fatalf("%v: %+v", o.error, o.answer)
		}
		return o.at
	}
}

// TestAThousandWait: each is answered within 50 ms of its link's publication, and the commands while they wait are those for ten:
// nothing but the stream is read, so and so often a second. Where other programs hold the processors, it has three tries.
func TestAThousandWait(t *testing.T) {
	const bound = slower * 50 * time.Millisecond
	few, many := waitForLinks(t, 10), waitForLinks(t, 1000)
	for range 2 {
		if many.after[999] > bound {
			t.Logf("once more, after %v at most", many.after[999])
			many = waitForLinks(t, 1000)
		}
	}
	t.Logf("1000 waiting: answered after %v at the median, %v at the 99th percentile, %v at most", many.after[500], many.after[990], many.after[999])
	t.Logf("commands in a quiet second: %v for 10, %v for 1000; while links were published: %v in %v and %v in %v",
		few.idle, many.idle, few.busy, few.took, many.busy, many.took)
	if most := many.after[999]; most > bound {
		t.Errorf("answered after %v", most)
	}
	for _, w := range []waited{few, many} {
		if n := total(w.idle); n > 4 || n != w.idle["xread"]+w.idle["xinfo"] {
			t.Errorf("commands in a quiet second: %v", w.idle)
		}
		if n := total(w.busy); n > 4+int(w.took.Milliseconds()/10) || n != w.busy["xread"]+w.busy["xinfo"] {
			t.Errorf("commands while links were published, for %v: %v", w.took, w.busy)
		}
	}
}

func total(n map[string]int) (sum int) {
	for _, k := range n {
		sum += k
	}
	return sum
}
