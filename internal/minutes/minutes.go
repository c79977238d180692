// Package minutes counts what happens in each minute, over all processes of a namespace, for those who want to see how
// things went of late: a hash in Redis for each minute, to which every process adds its own counts every few seconds.
//
// It knows counts, latencies and minutes. It does not know orders, and costs Redis nothing for each.
package minutes

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// Kept is how long a minute is remembered.
const Kept = 24 * time.Hour

// Minute is what all processes together did in one minute. Which minute that was, each says by its own clock; what was
// accepted in one minute may have been issued in another.
type Minute struct {
	Start        time.Time
	Tally              // of both lanes
	Interactive  Tally // of each
	Bulk         Tally //
	Emailed      int   // emails that the mail server took
	EmailsFailed int   // and that it never will
}

// Tally counts orders.
type Tally struct {
	Accepted  int // handed in for the first time, corrected or replayed
	Issued    int // that got their link
	Failed    int // that ended without
	latencies [spans]int
}

// Add adds the counts of another minute to those of m, for a view of several together.
func (m *Minute) Add(other Minute) {
	m.Tally.add(other.Tally)
	m.Interactive.add(other.Interactive)
	m.Bulk.add(other.Bulk)
	m.Emailed += other.Emailed
	m.EmailsFailed += other.EmailsFailed
}

func (t *Tally) add(other Tally) {
	t.Accepted += other.Accepted
	t.Issued += other.Issued
	t.Failed += other.Failed
	for i, n := range other.latencies {
		t.latencies[i] += n
	}
}

// Quantile returns how long the quickest share q (0 to 1) of the issued orders took from being accepted to their link, at
// most: Quantile(0.5) is the median. It is right to about a fifth, and zero where no order was issued.
func (t *Tally) Quantile(q float64) time.Duration { return quantile(&t.latencies, q) }

// Read returns the last n minutes up to that of now, which is not over yet, oldest first. Minutes in which nothing happened are
// empty. It asks Redis once, for n small hashes. prefix is that of the Recorders.
func Read(ctx context.Context, rdb redis.UniversalClient, prefix string, now time.Time, n int) ([]Minute, error) {
	all := make([]Minute, n)
	stored := make([]*redis.MapStringStringCmd, n)
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range all {
			all[i].Start = minuteOf(now.Add(-time.Duration(n-1-i) * time.Minute))
			stored[i] = p.HGetAll(ctx, keyOf(prefix, all[i].Start))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the last minutes: %w", err)
	}
	for i := range all {
		all[i].read(stored[i].Val())
	}
	return all, nil
}

// read takes what it knows of a minute's fields, and leaves those of other versions.
func (m *Minute) read(fields map[string]string) {
	for field, text := range fields {
		n, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		lane, what, _ := strings.Cut(field, ".")
		switch order.Lane(lane) {
		case order.Interactive:
			m.Interactive.read(what, n)
		case order.Bulk:
			m.Bulk.read(what, n)
		case emails:
			m.readEmails(what, n)
		}
	}
	m.Tally.add(m.Interactive)
	m.Tally.add(m.Bulk)
}

func (t *Tally) read(what string, n int) {
	switch what {
	case accepted:
		t.Accepted = n
	case issued:
		t.Issued = n
	case failed:
		t.Failed = n
	default:
		if i, err := strconv.Atoi(what); err == nil && i >= 0 && i < spans {
			t.latencies[i] = n
		}
	}
}

func (m *Minute) readEmails(what string, n int) {
	switch what {
	case issued:
		m.Emailed = n
	case failed:
		m.EmailsFailed = n
	}
}

// The fields of a minute are LANE.WHAT, and LANE.I for the latencies of span I.
const (
	accepted = "accepted"
	issued   = "issued"
	failed   = "failed"

	emails order.Lane = "email"
)

func minuteOf(t time.Time) time.Time { return t.Truncate(time.Minute) }

func keyOf(prefix string, minute time.Time) string {
	return prefix + strconv.FormatInt(minute.Unix(), 10)
}
