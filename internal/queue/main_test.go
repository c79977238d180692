package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

const ns = "test"

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(redistest.M{M: m})
}

// bench is one Redis with a queue on it, and an ear on asynq's scripts.
type bench struct {
	*tap
	rdb       *redis.Client
	client    *queue.Client
	inspector *asynq.Inspector
}

func newBench(t *testing.T, addr string) *bench {
	t.Helper()
	conn, err := redisconn.Open(context.Background(), "redis://"+addr, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	tap := &tap{opt: conn.AsynqOpt(), scripts: make(chan string, 10_000), empty: make(chan string, 10_000)}
	b := &bench{tap: tap, rdb: redistest.Client(t, addr), client: queue.NewClient(tap, ns), inspector: asynq.NewInspector(tap)}
	conn.Client().AddHook(tapHook{tap}) // by which scripts go together
	t.Cleanup(func() {
		b.client.Close()
		b.inspector.Close()
		conn.Close()
	})
	return b
}

// each runs f on both kinds of Redis.
func each(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, addr string) { f(t, newBench(t, addr)) })
}

// config is quick, so that tests wait for work rather than for intervals.
func config() queue.Config {
	return queue.Config{
		Namespace: ns, PickupInterval: 5 * time.Millisecond, DelayedInterval: 5 * time.Millisecond,
		ShutdownTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
	}
}

// start starts servers that the test shuts down itself.
func (b *bench) start(t *testing.T, c queue.Config, h queue.Handler) *queue.Servers {
	t.Helper()
	s := queue.NewServers(b.tap, c, h)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// serve starts servers that end with the test.
func (b *bench) serve(t *testing.T, c queue.Config, h queue.Handler) {
	t.Helper()
	s := b.start(t, c, h)
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
	})
}

func (b *bench) enqueue(t *testing.T, lane order.Lane, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := b.client.Enqueue(context.Background(), lane, id, []byte(`{"id":"`+id+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) info(t *testing.T, lane order.Lane, id string) *asynq.TaskInfo {
	t.Helper()
	info, err := b.inspector.GetTaskInfo(queue.Name(ns, lane), id)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(15 * time.Second):
		t.Fatalf("waited in vain: %s", what)
		panic("unreachable")
	}
}

// awaitScript waits until asynq has run a script: "done", "retry", "archive" or "requeue".
func (b *bench) awaitScript(t *testing.T, name string) {
	t.Helper()
	for await(t, "script "+name, b.scripts) != name {
	}
}

// tap makes clients that tell which of asynq's closing scripts succeeded, and fails those it is told to.
type tap struct {
	opt     asynq.RedisConnOpt
	scripts chan string
	fail    func(script string) bool // nil: none
	empty   chan string              // keys of queues that were found empty

}

func (p *tap) MakeRedisClient() any {
	client := p.opt.MakeRedisClient().(redis.UniversalClient)
	client.AddHook(tapHook{p})
	return client
}

type tapHook struct{ *tap }

func (h tapHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h tapHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var sent []redis.Cmder
		for _, cmd := range cmds {
			if !h.fails(cmd) {
				sent = append(sent, cmd)
			}
		}
		if len(sent) == 0 {
			return nil
		}
		err := next(ctx, sent)
		for _, cmd := range sent {
			h.note(cmd, cmd.Err())
		}
		return err
	}
}

func (h tapHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.fails(cmd) {
			return cmd.Err()
		}
		err := next(ctx, cmd)
		h.note(cmd, err)
		return err
	}
}

// fails breaks a script that the test wants to fail.
func (h tapHook) fails(cmd redis.Cmder) bool {
	script := closingScript(cmd)
	if script == "" || h.fail == nil || !h.fail(script) {
		return false
	}
	cmd.SetErr(errors.New("the connection broke"))
	return true
}

func (h tapHook) note(cmd redis.Cmder, err error) {
	if errors.Is(err, redis.Nil) && redisconn.IsFetch(cmd) {
		h.empty <- cmd.Args()[3].(string)
	}
	if script := closingScript(cmd); err == nil && script != "" {
		h.scripts <- script
	}
}

// awaitIdle returns once servers of two lanes hear the bell and have found their queues empty.
func (b *bench) awaitIdle(t *testing.T) {
	t.Helper()
	const channel = "{" + ns + "}:bell"
	for deadline := time.Now().Add(10 * time.Second); b.rdb.PubSubNumSub(context.Background(), channel).Val()[channel] == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nobody listens to the bell")
		}
		time.Sleep(time.Millisecond)
	}
	for lanes := map[string]bool{}; len(lanes) < 2; {
		lanes[await(t, "an empty queue", b.empty)] = true
	}
}

// closingScript tells asynq's scripts that end a run of a task by their keys (rdb.go).
func closingScript(cmd redis.Cmder) string {
	if !slices.Contains([]string{"eval", "evalsha"}, cmd.Name()) {
		return ""
	}
	var keys []string
	for _, arg := range cmd.Args()[3:] {
		key, _ := arg.(string)
		_, suffix, ok := strings.Cut(key, "}:")
		if !ok {
			break
		}
		keys = append(keys, suffix)
	}
	switch {
	case len(keys) == 4 && keys[0] == "active" && keys[2] == "pending":
		return "requeue"
	case len(keys) == 5 && keys[0] == "active":
		return "done"
	case len(keys) == 8 && keys[3] == "retry":
		return "retry"
	case len(keys) > 5 && keys[3] == "archived":
		return "archive"
	}
	return ""
}
