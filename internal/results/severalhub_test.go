package results_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// said keeps lines of a log.
type said struct {
	mu    sync.Mutex
	lines []string
	came  chan string
}

func newSaid() *said { return &said{came: make(chan string, 1000)} }

func (s *said) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, string(line))
	s.came <- string(line)
	return len(line), nil
}

// await waits for a line with all these words.
func (s *said) await(t *testing.T, words ...string) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case line := <-s.came:
			missing := false
			for _, word := range words {
				missing = missing || !strings.Contains(line, word)
			}
			if !missing {
				return
			}
		case <-late:
			t.Fatalf("nobody said %q", words)
		}
	}
}

// TestHubNeverMissesInSeveral is TestHubNeverMisses with an order in each stream in turn.
func TestHubNeverMissesInSeveral(t *testing.T) {
	eachOf(t, func(t *testing.T, b bench) {
		h, _ := hub(t, b.Reader)
		for i := range 60 {
			ref := fmt.Sprint("r", i)
			w := watch(t, h, ref)
			publishIn(t, b.rdb, b.streams[i%len(b.streams)], ref)
			wantEvent(t, w, ref)
			w.Close()
		}
	})
}

func TestHubReadsNoStreamWhileNobodyWaits(t *testing.T) {
	t.Parallel()
	own := redistest.Client(t, redistest.StartServer(t).Addr)
	var counted counter
	own.AddHook(&counted)
	h, _ := hub(t, newBench(own, 3).Reader)
	w := watch(t, h, "a")
	time.Sleep(2 * time.Second)
	if n := counted.n.Load(); n > 3*5 {
		t.Errorf("%d commands in 2 s", n)
	}
	w.Close()
	time.Sleep(1100 * time.Millisecond) // the reads in flight end
	before := counted.n.Load()
	time.Sleep(500 * time.Millisecond)
	if n := counted.n.Load() - before; n > 0 {
		t.Errorf("%d commands when nobody waits", n)
	}
}

// TestStreamThatCanNotBeReadDoesNotStopTheHub is for the real Redis: miniredis lets a read of any key wait.
func TestStreamThatCanNotBeReadDoesNotStopTheHub(t *testing.T) {
	t.Parallel()
	b, log := newBench(redistest.Client(t, redistest.StartServer(t).Addr), 3), newSaid()
	h := results.NewHub(b.Reader, slog.New(slog.NewTextHandler(log, nil)))
	stop := background(t, func(ctx context.Context) error { h.Run(ctx); return nil })
	bad, good := watch(t, h, "bad"), watch(t, h, "good")
	b.rdb.Set(ctx, b.streams[1], "no stream", 0)
	log.await(t, "WARN", b.streams[1])
	for range 3 {
		publishIn(t, b.rdb, b.streams[2], "good")
		wantEvent(t, good, "good")
	}
	time.Sleep(1200 * time.Millisecond) // it is tried twice again
	late := watch(t, h, "late")
	b.rdb.Del(ctx, b.streams[1])
	publishIn(t, b.rdb, b.streams[1], "bad", "late")
	wantEvent(t, bad, "bad")
	wantEvent(t, late, "late")
	log.await(t, "INFO", b.streams[1])
	if stop(); len(log.lines) != 2 {
		t.Errorf("said %q", log.lines)
	}
}

// TestWatchWaitsForEveryStream: what is published in one that the hub does not read yet could be missed.
func TestWatchWaitsForEveryStream(t *testing.T) {
	t.Parallel()
	b := newBench(redistest.Client(t, redistest.StartServer(t).Addr), 3)
	for _, bad := range b.streams {
		h, stop := hub(t, b.Reader)
		b.rdb.Set(ctx, bad, "no stream", 0)
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		if _, err := h.Watch(short, keyOf("a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without %s: %v", bad, err)
		}
		b.rdb.Del(ctx, bad)
		w := watch(t, h, "a")
		publishIn(t, b.rdb, bad, "a")
		wantEvent(t, w, "a")
		stop()
	}
}
