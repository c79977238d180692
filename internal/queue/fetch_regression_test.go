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
