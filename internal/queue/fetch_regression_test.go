package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestRegressionIdleServerMeetsForgottenScripts has Redis forget all scripts, as it does in a restart, while a server waits for the
// bell: that it has to send the fetch again, with the script, is no reason to wait again.
func TestRegressionIdleServerMeetsForgottenScripts(t *testing.T) {
	b := newBench(t, redistest.Server(t))
	c := config()
	c.PickupInterval = time.Hour
	done := make(chan string, 1)
	b.serve(t, c, func(_ context.Context, task queue.Task) error { done <- task.ID; return nil })
	b.awaitIdle(t)
	if err := b.rdb.ScriptFlush(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	b.enqueue(t, order.Interactive, "one")
	await(t, "a task that was rung for", done)
}

// TestRegressionHungFetchLeavesTheHandlersToOthers: fetchers that share handlers are of queues that may be on different servers of
// Redis. One whose server did not answer held as many handlers as it wanted tasks, and the others stood still.
func TestRegressionHungFetchLeavesTheHandlersToOthers(t *testing.T) {
	const handlers = 4
	pool, asked, answer := queue.NewPool(handlers), make(chan bool, 1), make(chan []any)
	fetch, stop := queue.FetchBy(pool, handlers, func() []any { asked <- true; return <-answer })
	defer stop()
	defer close(answer)
	handed := make(chan any, handlers)
	go func() {
		for range 2 {
			handed <- fetch()
		}
	}()
	await(t, "a fetch", asked)
	giveBack := queue.TakeAll(t, pool, handlers)
	tasks := []any{"\x1a\x01a", "\x1a\x01b"} // with an id and nothing else
	answer <- tasks
	select {
	case task := <-handed:
		t.Errorf("%v is handed out, and no handler is free", task)
	case <-time.After(50 * time.Millisecond):
	}
	for _, want := range tasks {
		giveBack(1)
		if task := await(t, "a task", handed); task != want {
			t.Errorf("%q is handed out, want %q", task, want)
		}
	}
	giveBack(handlers - 2)
	queue.TakeAll(t, pool, handlers-2) // two have a task
}

// TestFetcherThatStopsGivesHandlersBack has it stop while it has tasks and no handler for them.
func TestFetcherThatStopsGivesHandlersBack(t *testing.T) {
	pool, asked, answer := queue.NewPool(2), make(chan bool, 1), make(chan []any)
	fetch, stop := queue.FetchBy(pool, 2, func() []any { asked <- true; return <-answer })
	handed := make(chan any, 1)
	go func() { handed <- fetch() }()
	await(t, "a fetch", asked)
	giveBack := queue.TakeAll(t, pool, 2)
	answer <- []any{"\x1a\x01a"}
	stop()
	if task := await(t, "the end", handed); task != nil {
		t.Errorf("%v is handed out", task)
	}
	giveBack(2)
	queue.TakeAll(t, pool, 2)
}
