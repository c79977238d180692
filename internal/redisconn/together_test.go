package redisconn_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

func openAt(t *testing.T, addr string) *redisconn.Conn {
	t.Helper()
	conn, err := redisconn.Open(context.Background(), "redis://"+addr, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestScriptsGoTogether runs many scripts at the same time: each caller gets its own answer or error, and there are far fewer
// trips than scripts.
func TestScriptsGoTogether(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		conn := openAt(t, addr)
		trips := &tripCounter{}
		conn.Client().AddHook(trips)
		echo := redis.NewScript(`if ARGV[1] == 'bad' then return redis.error_reply('MINE bad') end return ARGV[1]`)
		var all sync.WaitGroup
		for i := range 2000 {
			all.Go(func() {
				want := fmt.Sprint("value ", i)
				if i%10 == 0 {
					want = "bad"
				}
				got, err := echo.Run(context.Background(), conn.Client(), []string{"k"}, want).Text()
				if want == "bad" && (err == nil || !strings.Contains(err.Error(), "MINE")) {
					t.Errorf("the error of script %d is %v", i, err)
				} else if want != "bad" && (err != nil || got != want) {
					t.Errorf("script %d answers %q, %v", i, got, err)
				}
			})
		}
		all.Wait()
		if trips := trips.count(); trips > 1000 {
			t.Errorf("%d trips for 2,000 scripts", trips)
		}
	})
}

// TestLeavingCallerHoldsNobodyUp has a caller go while its script waits for its turn.
func TestLeavingCallerHoldsNobodyUp(t *testing.T) {
	conn := openAt(t, redistest.Server(t))
	gate := newTripGate()
	conn.Client().AddHook(gate)
	script := redis.NewScript(`return ARGV[1]`)
	if err := script.Load(context.Background(), conn.Client()).Err(); err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 3)
	run := func(ctx context.Context) {
		go func() { answers <- script.Run(ctx, conn.Client(), []string{"k"}, "x").Err() }()
	}
	run(context.Background())
	<-gate.begun // the first is under way, and stays there
	leaving, leave := context.WithCancel(context.Background())
	run(leaving)
	run(context.Background())
	leave()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Fatalf("the first answer is %v, want that of the caller who left", err)
	}
	close(gate.open)
	for range 2 {
		select {
		case err := <-answers:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("somebody waits for a caller who left")
		}
	}
}

// TestScriptsTogetherSayThatRedisIsAway asks a Redis that ended.
func TestScriptsTogetherSayThatRedisIsAway(t *testing.T) {
	p := redistest.StartServer(t)
	conn := openAt(t, p.Addr)
	p.Kill()
	script := redis.NewScript(`return 1`)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := script.Run(context.Background(), conn.Client(), nil).Err(); !redisconn.IsAway(err) {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
}

// tripCounter counts what goes to Redis in one write.
type tripCounter struct {
	mu sync.Mutex
	n  int
}

func (c *tripCounter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *tripCounter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (*tripCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.add(); return next(ctx, cmd) }
}

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.add(); return next(ctx, cmds) }
}

// tripGate holds the first script that goes by itself.
type tripGate struct {
	once        sync.Once
	begun, open chan struct{}
}

func newTripGate() *tripGate {
	return &tripGate{begun: make(chan struct{}), open: make(chan struct{})}
}

func (*tripGate) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*tripGate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (g *tripGate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			g.once.Do(func() { close(g.begun); <-g.open })
		}
		return next(ctx, cmd)
	}
}
