package results_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// TestRegressionAcknowledgementWaitsForRedis: a reader that follows once ended because Redis was away when it
// acknowledged what it had handled.
func TestRegressionAcknowledgementWaitsForRedis(t *testing.T) {
	t.Parallel()
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	rdb := redistest.Client(t, server.Addr)
	s := newSeen()
	publish(t, rdb, "a")
	failed := make(chan struct{}, 100)
	reading := redistest.Client(t, server.Addr)
	reading.AddHook(tellFailed{"xack", failed})
	g := join(t, results.NewReader(reading, stream), "g", "one")
	stop := background(t, func(ctx context.Context) error {
		return g.Read(ctx, true, func(e results.Event) error {
			if e.Ref == "a" {
				server.Kill()
			}
			return s.add(e)
		})
	})
	s.await(t, 1)
	select {
	case <-failed:
	case <-time.After(patience):
		t.Fatal("nothing was acknowledged")
	}
	server.Restart(t)
	publish(t, rdb, "b")
	s.await(t, 1)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if s.want(t, "a", "b"); unacknowledged(t, rdb, "g") != 0 {
		t.Errorf("%d not acknowledged", unacknowledged(t, rdb, "g"))
	}
}

func TestAcknowledgementThatFailsIsTold(t *testing.T) {
	for name, follow := range map[string]bool{"without follow": false, "follow, interrupted": true} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Mini(t)
			rdb := redistest.Client(t, server.Addr())
			publish(t, rdb, "a")
			g := join(t, results.NewReader(rdb, stream), "g", "one")
			running, cancel := context.WithCancel(ctx)
			defer cancel()
			err := g.Read(running, follow, func(results.Event) error {
				server.Close()
				if follow {
					cancel()
				}
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), "acknowledge") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// tellFailed tells of each command of one name that failed.
type tellFailed struct {
	name   string
	failed chan<- struct{}
}

func (h tellFailed) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h tellFailed) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h tellFailed) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err != nil && cmd.Name() == h.name {
			h.failed <- struct{}{}
		}
		return err
	}
}
