package minutes

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	// interval is how often a process adds its counts.
	interval = 2 * time.Second
	// bound is how long that may take.
	bound = 2 * time.Second
	// unsaid is how many minutes' counts are kept while Redis is away.
	unsaid = 60
)

// Recorder counts for one process. Its counting methods are safe for concurrent use, take no lock and do not wait.
type Recorder struct {
	rdb    redis.UniversalClient
	prefix string
	log    *slog.Logger

	interactive, bulk, mail counters
	pending                 map[time.Time]map[string]int64 // counts of minutes that Redis was not told; Run's own
	away                    bool
}

// counters are counts since they were taken last.
type counters struct {
	accepted, issued, failed atomic.Int64
	latencies                [spans]atomic.Int64
}

// NewRecorder returns a recorder of a namespace. prefix begins the keys of all its minutes. Nothing is stored unless Run runs.
func NewRecorder(rdb redis.UniversalClient, prefix string, log *slog.Logger) *Recorder {
	return &Recorder{rdb: rdb, prefix: prefix, log: log, pending: map[time.Time]map[string]int64{}}
}

// Accepted counts n orders that were accepted.
func (r *Recorder) Accepted(lane order.Lane, n int) { r.of(lane).accepted.Add(int64(n)) }

// Issued counts an order that got its link so long after it was accepted.
func (r *Recorder) Issued(lane order.Lane, enqueueToLink time.Duration) {
	c := r.of(lane)
	c.issued.Add(1)
	c.latencies[spanOf(enqueueToLink)].Add(1)
}

// Failed counts an order that ended without a link.
func (r *Recorder) Failed(lane order.Lane) { r.of(lane).failed.Add(1) }

// Emailed counts an email that the mail server took.
func (r *Recorder) Emailed() { r.mail.issued.Add(1) }

// EmailFailed counts an email that will not be sent.
func (r *Recorder) EmailFailed() { r.mail.failed.Add(1) }

func (r *Recorder) of(lane order.Lane) *counters {
	if lane == order.Bulk {
		return &r.bulk
	}
	return &r.interactive
}

// Run adds the counts to those in Redis every two seconds until the context ends, and then once more. While Redis is away it
// keeps those of the last hour.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			r.flush(context.WithoutCancel(ctx), time.Now())
			return
		case now := <-ticker.C:
			r.flush(ctx, now)
		}
	}
}

// flush tells Redis what was counted. Counts of up to an interval before the turn of a minute are those of the next one.
func (r *Recorder) flush(ctx context.Context, now time.Time) {
	r.take(minuteOf(now))
	if len(r.pending) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	_, err := r.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for minute, counts := range r.pending {
			key := keyOf(r.prefix, minute)
			for field, n := range counts {
				p.HIncrBy(ctx, key, field, n)
			}
			p.Expire(ctx, key, Kept)
		}
		return nil
	})
	if err == nil {
		clear(r.pending)
	}
	r.tell(err)
}

// tell logs that Redis went away, once, for debugging: others warn of it.
func (r *Recorder) tell(err error) {
	if err != nil && !r.away {
		r.log.Debug("the counts of this minute are added once Redis answers", "error", err)
	}
	r.away = err != nil
}

// take moves the counts to those of a minute.
func (r *Recorder) take(minute time.Time) {
	counts := r.pending[minute]
	if counts == nil {
		counts = map[string]int64{}
	}
	r.interactive.take(counts, order.Interactive)
	r.bulk.take(counts, order.Bulk)
	r.mail.take(counts, emails)
	if len(counts) > 0 {
		r.pending[minute] = counts
	}
	for old := range r.pending {
		if minute.Sub(old) >= unsaid*time.Minute {
			delete(r.pending, old)
		}
	}
}

func (c *counters) take(into map[string]int64, lane order.Lane) {
	add := func(what string, n *atomic.Int64) {
		if n := n.Swap(0); n != 0 {
			into[string(lane)+"."+what] += n
		}
	}
	add(accepted, &c.accepted)
	add(issued, &c.issued)
	add(failed, &c.failed)
	for i := range c.latencies {
		if c.latencies[i].Load() != 0 {
			add(strconv.Itoa(i), &c.latencies[i])
		}
	}
}
