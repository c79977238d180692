package results_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const (
	stream   = "{hpp}:results"
	patience = 30 * time.Second
)

var (
	ctx     = context.Background()
	errStop = errors.New("enough")

	errTwoAtOnce = errors.New("two events at once")
)

// each runs f on an empty stream, on both kinds of Redis.
func each(t *testing.T, f func(t *testing.T, r *results.Reader, rdb *redis.Client)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) {
		rdb := redistest.Client(t, addr)
		f(t, results.NewReader(rdb, stream), rdb)
	})
}

// values are the fields of an event about this ref.
func values(ref string) []any {
	return []any{
		"v", "1", "id", "M1:" + ref + ":1:link.issued", "type", results.LinkIssued, "merchant_id", "M1",
		"merchant_txn_ref", ref, "generation", "1", "batch", "", "time", "2026-03-01T12:00:00.123Z", "data", `{"url":"https://x.example/` + ref + `"}`,
	}
}

// publish appends an event for each ref, and returns the ids of their entries.
func publish(t testing.TB, rdb redis.Cmdable, refs ...string) []string {
	t.Helper()
	return publishIn(t, rdb, stream, refs...)
}

func publishIn(t testing.TB, rdb redis.Cmdable, stream string, refs ...string) []string {
	t.Helper()
	cmds, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, ref := range refs {
			p.XAdd(ctx, &redis.XAddArgs{Stream: stream, Values: values(ref)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(cmds))
	for i, cmd := range cmds {
		ids[i] = cmd.(*redis.StringCmd).Val()
	}
	return ids
}

func numbered(n int) []string {
	refs := make([]string, n)
	for i := range refs {
		refs[i] = fmt.Sprint("r", i)
	}
	return refs
}

// seen collects the refs of the events that a reader is handed, and fails if it is handed two at once.
type seen struct {
	busy atomic.Bool
	mu   sync.Mutex
	refs []string
	came chan struct{} // has a value after each event, until it is full
}

func newSeen() *seen { return &seen{came: make(chan struct{}, 10_000)} }

func (s *seen) add(e results.Event) error {
	if s.busy.Swap(true) {
		return errTwoAtOnce
	}
	defer s.busy.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refs = append(s.refs, e.Ref)
	s.came <- struct{}{}
	return nil
}

func (s *seen) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refs)
}

// await waits for n further events.
func (s *seen) await(t *testing.T, n int) {
	t.Helper()
	late := time.After(patience)
	for range n {
		select {
		case <-s.came:
		case <-late:
			t.Fatalf("waited in vain for %d events; there are %q", n, s.all())
		}
	}
}

func (s *seen) want(t *testing.T, refs ...string) {
	t.Helper()
	if got := s.all(); !slices.Equal(got, refs) {
		t.Errorf("got %q, want %q", got, refs)
	}
}

// background runs a reader until the test, or whoever calls stop, has had enough; stop returns what the reader said.
func background(t *testing.T, run func(ctx context.Context) error) (stop func() error) {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- run(running) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { stop() })
	return stop
}
