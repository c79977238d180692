package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/stream"
)

// waysFull reports whether the tests of the ways in run at their full size.
func waysFull() bool { return os.Getenv("HPPLINK_WAYS") == "full" }

// sized is how many orders a test of the ways in works.
func sized(small, full int) int {
	if waysFull() {
		return full
	}
	return small
}

// onlyLinks fails unless there is one event for each of n orders, a link, and no link is that of two orders. It returns
// the URLs by ref.
func onlyLinks(t *testing.T, events []results.Event, n int) map[string]string {
	t.Helper()
	urls, ids := map[string]string{}, map[string]bool{}
	for _, e := range events {
		d, err := results.Decode[results.Issued](e)
		if e.Type != results.LinkIssued || err != nil || urls[e.Ref] != "" || ids[d.LinkID] {
			t.Fatalf("%+v: %v; the order had %q before", e, err, urls[e.Ref])
		}
		urls[e.Ref], ids[d.LinkID] = d.URL, true
	}
	if len(urls) != n {
		t.Errorf("%d orders have a link, want %d", len(urls), n)
	}
	return urls
}

// postedOnce fails unless the sandbox was asked once for each of n orders.
func (s *system) postedOnce(t *testing.T, n int) {
	t.Helper()
	if at, err := journal(s.gateway); err != nil || at != (summary{Posts: n, Minted: n, Refs: n, Once: n}) {
		t.Errorf("the gateway saw %+v (%v), want %d POSTs and links, none twice", at, err, n)
	}
}

// handled waits until the intake has handled every entry of the stream of orders.
func (s *system) handled(t *testing.T) {
	t.Helper()
	keys := s.base.Ledger.Keys()
	if err := eventually("a stream of orders that is handled", func() error {
		groups, err := s.rdb.XInfoGroups(t.Context(), keys.Orders()).Result()
		if err != nil || len(groups) != 1 || groups[0].Pending != 0 || groups[0].Lag != 0 {
			return fmt.Errorf("groups %+v: %v", groups, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	for _, key := range []string{keys.DeadLetters(), keys.WaitingMerchants(), keys.Waiting("M-1001")} {
		if n := s.rdb.Exists(t.Context(), key).Val(); n != 0 {
			t.Errorf("there is a %s", key)
		}
	}
}

// idle waits until no task is left in a queue.
func (s *system) idle(t *testing.T) {
	t.Helper()
	if err := eventually("empty queues", func() error {
		for _, lane := range []order.Lane{order.Interactive, order.Bulk} {
			for _, state := range []string{"pending", "active"} {
				if n, err := s.rdb.LLen(t.Context(), "asynq:{"+queue.Name("hpp", lane)+"}:"+state).Result(); err != nil || n > 0 {
					return fmt.Errorf("%d %s tasks: %v", n, state, err)
				}
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// pending is how many entries of the stream of orders were handed to an intake and are not acknowledged.
func (s *system) pending(ctx context.Context) (int64, error) {
	p, err := s.rdb.XPending(ctx, s.base.Ledger.Keys().Orders(), stream.Group).Result()
	if err != nil {
		return 0, err
	}
	return p.Count, nil
}

// age makes entries that a dead intake was handed look as old as they would be after a minute.
func (s *system) age(t *testing.T) {
	t.Helper()
	key := s.base.Ledger.Keys().Orders()
	left, err := s.rdb.XPendingExt(t.Context(), &redis.XPendingExtArgs{Stream: key, Group: stream.Group, Start: "-", End: "+", Count: 10_000}).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range left {
		if err := s.rdb.Do(t.Context(), "XCLAIM", key, stream.Group, p.Consumer, 0, p.ID, "IDLE", time.Minute.Milliseconds(), "JUSTID").Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// startLogged runs hpplink as start does, and returns also where its log is, which may be read while it runs.
func startLogged(t *testing.T, env []string, args ...string) (*exec.Cmd, string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("hpplink", args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer log.Close()
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("hpplink %s: %v", args[0], err)
		}
		if text, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("hpplink %s:\n%s", args[0], cut(string(text)))
		}
	})
	return cmd, log.Name()
}
