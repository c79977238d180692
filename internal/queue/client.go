package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	// maxRetry is as large as asynq can store it: a task of ours never ends in the archive for its number of retries.
	maxRetry = math.MaxInt32
	// noTimeout, since on a time-out asynq gives the slot of a handler away that still runs (processor.go).
	noTimeout = 10 * 365 * 24 * time.Hour
	// parallelEnqueues is for EnqueueMany: asynq has no pipelining, so round trips overlap instead.
	parallelEnqueues = 16
)

// Client enqueues tasks.
type Client struct {
	asynq     *asynq.Client
	namespace string
}

// NewClient makes a client with connections of its own. Close it.
func NewClient(opt asynq.RedisConnOpt, namespace string) *Client {
	return &Client{asynq: asynq.NewClient(opt), namespace: namespace}
}

// Close closes the client's connections.
func (c *Client) Close() error { return c.asynq.Close() }

// Enqueue puts a link:generate task into the lane's queue. A task of the same id that is already there counts as
// success: after a lost reply the Redis client sends the command again, and the enqueue that worked reports a
// conflict. So an id is never used for another purpose. Ids are free of '/', '{' and '}', which break the dashboard
// and Redis Cluster.
func (c *Client) Enqueue(ctx context.Context, lane order.Lane, taskID string, payload []byte) error {
	return c.enqueue(ctx, Entry{Lane: lane, TaskID: taskID, Payload: payload})
}

func (c *Client) enqueue(ctx context.Context, e Entry) error {
	taskID := e.TaskID
	if taskID == "" || strings.ContainsAny(taskID, "/{}") {
		return fmt.Errorf("task id %q: it must not be empty nor contain '/', '{' or '}'", taskID)
	}
	// Asked here, because the acknowledgement hook of asynq's clients runs commands whose context is over.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("enqueueing task %s: %w", taskID, err)
	}
	options := []asynq.Option{
		asynq.Queue(Name(c.namespace, e.Lane)), asynq.TaskID(taskID),
		asynq.MaxRetry(maxRetry), asynq.Timeout(noTimeout), asynq.Retention(0),
	}
	if e.In > 0 {
		options = append(options, asynq.ProcessIn(e.In))
	}
	_, err := c.asynq.EnqueueContext(ctx, asynq.NewTask(typeOf(e.Lane), e.Payload), options...)
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("enqueueing task %s: %w", taskID, err)
	}
	return nil
}

// Entry is one task for EnqueueMany.
type Entry struct {
	Lane    order.Lane
	TaskID  string
	Payload []byte
	In      time.Duration // it is not to be worked before; zero: as soon as its turn comes
}

// EnqueueMany enqueues with 16 round trips at a time, and returns one error, or nil, for each entry.
func (c *Client) EnqueueMany(ctx context.Context, entries []Entry) []error {
	errs := make([]error, len(entries))
	var group errgroup.Group
	group.SetLimit(parallelEnqueues)
	for i, e := range entries {
		group.Go(func() error {
			errs[i] = c.enqueue(ctx, e)
			return nil
		})
	}
	group.Wait()
	return errs
}
