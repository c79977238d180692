package redisconn_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestRegressionRedisThatGoesAwayIsUnreachable: only a Redis that was away at the start was told from other failures.
func TestRegressionRedisThatGoesAwayIsUnreachable(t *testing.T) {
	ctx, p := context.Background(), redistest.StartServer(t)
	c := open(t, "redis://:@"+p.Addr)
	if err := c.Client().Get(ctx, "k").Err(); err != redis.Nil {
		t.Fatal(err)
	}
	p.Kill()
	mustBeAway(t, c.Client().Get(ctx, "k").Err(), p.Addr)
	cmds, err := c.Client().Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "k"); p.Get(ctx, "l"); return nil })
	mustBeAway(t, err, p.Addr)
	for _, cmd := range cmds {
		mustBeAway(t, cmd.Err(), p.Addr)
	}
	p.Restart(t)
	if err := c.Client().Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Error(err)
	}
}

func mustBeAway(t *testing.T, err error, addr string) {
	t.Helper()
	if !redisconn.IsAway(err) || strings.Count(err.Error(), "Redis at "+addr+" does not answer") != 1 {
		t.Errorf("got %v", err)
	}
}

func TestIsAwayByAnswer(t *testing.T) {
	m := redistest.Mini(t)
	c := open(t, "redis://"+m.Addr()+"?max_retries=-1")
	for answer, want := range map[string]bool{
		"LOADING Redis is loading the dataset in memory":  true,
		"MASTERDOWN Link with MASTER is down":             true,
		"CLUSTERDOWN The cluster is down":                 true,
		"ERR max number of clients reached":               true,
		"OOM command not allowed":                         false,
		"READONLY You can't write against a replica":      true,
		"NOREPLICAS Not enough good replicas to write.":   true,
		"UNBLOCKED force unblock, instance state changed": true,
		"MOVED 1 127.0.0.1:7001":                          true,
		"WRONGTYPE Operation against a key":               false,
	} {
		m.SetError(answer)
		if err := c.Client().Get(context.Background(), "k").Err(); err == nil || redisconn.IsAway(err) != want {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

func TestIsAwayByTime(t *testing.T) {
	m := redistest.Mini(t)
	c := open(t, "redis://"+m.Addr())
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	if err := c.Client().Get(late, "k").Err(); !redisconn.IsAway(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its time: %v", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if err := c.Client().Get(stopped, "k").Err(); redisconn.IsAway(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestErrorsOfOthersAreNotAway has errors that go-redis returns too, of other origin.
func TestErrorsOfOthersAreNotAway(t *testing.T) {
	_, refused := net.Dial("tcp", listen(t, nil))
	_, missing := os.Open("/no/such/file")
	for _, err := range []error{nil, refused, missing, context.DeadlineExceeded} {
		if redisconn.IsAway(err) {
			t.Errorf("%v is taken for an absent Redis", err)
		}
	}
}
