package redisconn_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// flightGate holds the first pipeline, as a Redis does that hangs.
type flightGate struct {
	held        atomic.Bool
	begun, open chan struct{}
}

func newFlightGate() *flightGate {
	return &flightGate{begun: make(chan struct{}), open: make(chan struct{})}
}

func (*flightGate) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*flightGate) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (g *flightGate) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if g.held.CompareAndSwap(false, true) {
			close(g.begun)
			<-g.open
		}
		return next(ctx, cmds)
	}
}

func awaitWaiting(t *testing.T, conn *redisconn.Conn, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); conn.Waiting() != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d scripts wait, want %d", conn.Waiting(), n)
		}
	}
}

func awaitAnswer(t *testing.T, what string, answer <-chan error) error {
	t.Helper()
	select {
	case err := <-answer:
		return err
	case <-time.After(10 * time.Second):
		t.Fatalf("no answer: %s", what)
		return nil
	}
}

// TestRegressionNobodyWaitsForOthersBeyondHisContext has every caller of a flight that hangs give up.
func TestRegressionNobodyWaitsForOthersBeyondHisContext(t *testing.T) {
	conn := openAt(t, redistest.Server(t))
	alone, flight := newTripGate(), newFlightGate()
	conn.Client().AddHook(alone)
	conn.Client().AddHook(flight)
	script := redis.NewScript(`return ARGV[1]`)
	if err := script.Load(context.Background(), conn.Client()).Err(); err != nil {
		t.Fatal(err)
	}
	run := func(ctx context.Context) <-chan error {
		answer := make(chan error, 1)
		go func() { answer <- script.Run(ctx, conn.Client(), []string{"k"}, "x").Err() }()
		return answer
	}
	first := run(context.Background())
	<-alone.begun
	ctx, leave := context.WithCancel(context.Background())
	second := run(ctx)
	awaitWaiting(t, conn, 1)
	third := run(ctx)
	awaitWaiting(t, conn, 2)
	close(alone.open)
	if err := awaitAnswer(t, "to the first", first); err != nil {
		t.Error(err)
	}
	<-flight.begun // with the second and third on board, and hangs
	defer close(flight.open)
	leave()
	for name, answer := range map[string]<-chan error{"second": second, "third": third} {
		if err := awaitAnswer(t, "to the "+name, answer); !errors.Is(err, context.Canceled) {
			t.Errorf("the %s got %v", name, err)
		}
	}
}

// TestRegressionWhoLeftIsNotSent looks at what Redis was told after a caller left while others were under way.
func TestRegressionWhoLeftIsNotSent(t *testing.T) {
	conn := openAt(t, redistest.Server(t))
	alone := newTripGate()
	conn.Client().AddHook(alone)
	script := redis.NewScript(`return redis.call('RPUSH', KEYS[1], ARGV[1])`)
	if err := script.Load(context.Background(), conn.Client()).Err(); err != nil {
		t.Fatal(err)
	}
	run := func(ctx context.Context, what string) <-chan error {
		answer := make(chan error, 1)
		go func() { answer <- script.Run(ctx, conn.Client(), []string{"k"}, what).Err() }()
		return answer
	}
	first := run(context.Background(), "first")
	<-alone.begun
	ctx, leave := context.WithCancel(context.Background())
	left := run(ctx, "left")
	awaitWaiting(t, conn, 1)
	leave()
	if err := awaitAnswer(t, "to who left", left); !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	last := run(context.Background(), "last")
	awaitWaiting(t, conn, 2)
	close(alone.open)
	for _, answer := range []<-chan error{first, last} {
		if err := awaitAnswer(t, "to who stayed", answer); err != nil {
			t.Error(err)
		}
	}
	if got := conn.Client().LRange(context.Background(), "k", 0, -1).Val(); len(got) != 2 || got[0] != "first" || got[1] != "last" {
		t.Errorf("Redis was told %v", got)
	}
}

// TestRegressionAHungFlightHoldsNobodyUp has one connection go dead under a flight, as behind a gateway that forgot it.
func TestRegressionAHungFlightHoldsNobodyUp(t *testing.T) {
	conn := openAt(t, redistest.Server(t))
	alone, flight := newTripGate(), newFlightGate()
	conn.Client().AddHook(alone)
	conn.Client().AddHook(flight)
	script := redis.NewScript(`return ARGV[1]`)
	if err := script.Load(context.Background(), conn.Client()).Err(); err != nil {
		t.Fatal(err)
	}
	run := func() <-chan error {
		answer := make(chan error, 1)
		go func() { answer <- script.Run(context.Background(), conn.Client(), []string{"k"}, "x").Err() }()
		return answer
	}
	first := run()
	<-alone.begun
	second := run()
	awaitWaiting(t, conn, 1)
	close(alone.open)
	<-flight.begun
	third := run()
	for name, answer := range map[string]<-chan error{"first": first, "third": third} {
		if err := awaitAnswer(t, "to the "+name, answer); err != nil {
			t.Errorf("the %s got %v", name, err)
		}
	}
	close(flight.open)
	if err := awaitAnswer(t, "to the second", second); err != nil {
		t.Error(err)
	}
}
