package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

const (
	smallBacklog = 1500
	// drained is for how long the drain rate is measured.
	drained = 8 * time.Second
)

// TestBacklog compares a worker in front of a long queue with one in front of a short one: the links a
// second, and what it costs to tell orders that wait from orders that are lost. The long queue has
// 20,000 orders, or HPPLINK_BACKLOG.
func TestBacklog(t *testing.T) {
	long := 20_000
	if text := os.Getenv("HPPLINK_BACKLOG"); text != "" {
		var err error
		if long, err = strconv.Atoi(text); err != nil || long <= smallBacklog {
			t.Fatalf("HPPLINK_BACKLOG=%q: want a number of orders above %d", text, smallBacklog)
		}
	}
	all := []*backlog{fillBacklog(t, smallBacklog), fillBacklog(t, long)}
	for _, b := range all {
		b.begin(t)
	}
	<-time.After(drained) // the span that is measured, the same for both: what else this machine does slows both
	rates := []float64{all[0].end(t), all[1].end(t)}
	t.Logf("%.1f links/s with %d open, %.1f with %d: %.3f of it", rates[0], smallBacklog, rates[1], long, rates[1]/rates[0])
	if rates[1] < 0.9*rates[0] {
		t.Errorf("the long queue slows the worker down")
	}
}

// backlog is a worker in front of a queue, and what was counted when measuring began.
type backlog struct {
	*system
	orders int
	reaper float64 // what share of its Redis a reaper takes
	at     time.Time
	links  int64
	cpu    float64
}

func fillBacklog(t *testing.T, n int) *backlog {
	b := &backlog{system: startSystem(t, 0, "--latency", "150ms", "--jitter", "0"), orders: n}
	begun := time.Now()
	b.acceptBulk(t, n)
	t.Logf("%d orders accepted and enqueued in %v", n, time.Since(begun).Round(time.Millisecond))
	if b.reaper = b.reaperCost(t); b.reaper > 0.02 {
		t.Errorf("the reaper takes %.2f %% of a Redis, want 2 or less", 100*b.reaper)
	}
	return b
}

// begin starts the worker, and the measurement with its first links.
func (b *backlog) begin(t *testing.T) {
	start(t, append(b.workerEnv(), "HPPLINK_CONCURRENCY=15"), "run") // about 100 links/s
	if err := eventually("the first links", func() error {
		if at, err := journal(b.gateway); err != nil || at.Posts < 50 {
			return fmt.Errorf("%+v %v", at, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.links, b.cpu, b.at = b.published(t), b.redisCPU(t), time.Now()
}

// end returns the links a second since begin.
func (b *backlog) end(t *testing.T) float64 {
	took := time.Since(b.at).Seconds()
	rate, used := float64(b.published(t)-b.links)/took, (b.redisCPU(t)-b.cpu)/took
	t.Logf("%d open: %.1f links/s; Redis is busy for %.1f %% of the time, of which one worker's reaper %.2f %%", b.orders, rate, 100*used, 100*b.reaper)
	if again := b.enqueuedAgain(t, b.orders); again != 0 {
		t.Errorf("%d waiting orders were enqueued again", again)
	}
	return rate
}

// acceptBulk hands orders in on lane bulk, many at once.
func (s *system) acceptBulk(t *testing.T, n int) {
	t.Helper()
	const atOnce, producers = 500, 4
	var all errgroup.Group
	for p := range producers {
		door := s.open(t).Door(nil)
		all.Go(func() error {
			for first := p * atOnce; first < n; first += producers * atOnce {
				var events []intake.Event
				for i := first; i < min(first+atOnce, n); i++ {
					events = append(events, intake.Event{JSON: loadOrder(i), Lane: order.Bulk})
				}
				for _, r := range door.Submit(context.Background(), events) {
					if r.Status != intake.Accepted {
						return fmt.Errorf("%+v", r)
					}
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
}

// reaperCost is what share of a Redis one reaper takes, which looks once a second. It is measured with
// nobody else at work, and with orders that have waited for longer than the grace.
func (s *system) reaperCost(t *testing.T) float64 {
	t.Helper()
	ctx := context.Background()
	const steps = 300
	before := s.redisCPU(t)
	for range steps {
		for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
			pending, err := queue.Backlog(ctx, s.base.Redis.Client(), "hpp", lane, 16)
			if err != nil {
				t.Fatal(err)
			}
			due, err := s.base.Ledger.Home().Due(ctx, lane, waitingOf(pending), 500)
			if err != nil || len(due) > 0 {
				t.Fatalf("%d orders of a lane that only waits are due: %v", len(due), err)
			}
		}
	}
	return (s.redisCPU(t) - before) / steps
}

// enqueuedAgain is how many tasks there are or were on lane bulk beyond one for each order.
func (s *system) enqueuedAgain(t *testing.T, n int) int {
	t.Helper()
	opt, err := asynq.ParseRedisURI(s.redisURL)
	if err != nil {
		t.Fatal(err)
	}
	inspector := asynq.NewInspector(opt)
	defer inspector.Close()
	q, err := inspector.GetQueueInfo(queue.Name("hpp", order.Bulk))
	if err != nil {
		t.Fatal(err)
	}
	return q.ProcessedTotal + q.Pending + q.Active + q.Retry - n
}

func (s *system) published(t *testing.T) int64 {
	t.Helper()
	n, err := s.rdb.XLen(context.Background(), s.base.Ledger.Keys().Results()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// waitingOf is what a reaper tells the ledger of a queue's front.
func waitingOf(p queue.Pending) ledger.Waiting {
	w := ledger.Waiting{Empty: p.Empty, Since: p.OldestSince}
	for _, id := range p.TaskIDs {
		if key, ok := ledger.KeyOfTask(id); ok {
			w.Oldest = append(w.Oldest, key)
		}
	}
	return w
}
