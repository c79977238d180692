package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	// maxRetry is as large as asynq can store it: a task of ours never ends in the archive for its number of retries.
	maxRetry = math.MaxInt32
	// noTimeout, since on a time-out asynq gives the slot of a handler away that still runs (processor.go).
	noTimeout = 10 * 365 * 24 * time.Hour
	// parallelEnqueues is for EnqueueMany: asynq has no pipelining, but enqueues at the same time can share round trips.
	parallelEnqueues = 128
)

// Client enqueues tasks.
type Client struct {
	redis     redis.UniversalClient
	asynq     *asynq.Client
	many      func() *asynq.Client // whose tasks share round trips; it has a goroutine, so it is made when it is needed
	namespace string
}

// NewClient makes a client with connections of its own. Close it.
func NewClient(opt asynq.RedisConnOpt, namespace string) *Client {
	rdb := opt.MakeRedisClient().(redis.UniversalClient) // as asynq.NewClient has it
	c := &Client{redis: rdb, asynq: asynq.NewClientFromRedisClient(rdb), namespace: namespace}
	c.many = sync.OnceValue(func() *asynq.Client {
		shared, err := rdb.AutoPipeline()
		if err != nil { // the client has closed, as every enqueue will say
			return c.asynq
		}
		return asynq.NewClientFromRedisClient(shared)
	})
	return c
}

// Close closes the client's connections.
func (c *Client) Close() error { return c.redis.Close() }

// Enqueue puts a link:generate task into the lane's queue. A task of the same id that is already there counts as
// success: after a lost reply the Redis client sends the command again, and the enqueue that worked reports a
// conflict. So an id is never used for another purpose. Ids are free of '/', '{' and '}', which break the dashboard
// and Redis Cluster.
func (c *Client) Enqueue(ctx context.Context, lane order.Lane, taskID string, payload []byte) error {
	if err := c.enqueue(ctx, c.asynq, Entry{Lane: lane, TaskID: taskID, Payload: payload}); err != nil {
		return err
	}
	c.ring(ctx, map[bellRope]bool{{c.namespace, lane}: true})
	return nil
}

func (c *Client) enqueue(ctx context.Context, by *asynq.Client, e Entry) error {
	taskID := e.TaskID
	if taskID == "" || strings.ContainsAny(taskID, "/{}") {
		return fmt.Errorf("task id %q: it must not be empty nor contain '/', '{' or '}'", taskID)
	}
	// Asked here, because the acknowledgement hook of asynq's clients runs commands whose context is over.
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("enqueueing task %s: %w", taskID, err)
	}
	options := []asynq.Option{
		asynq.Queue(Name(orDefault(e.Namespace, c.namespace), e.Lane)), asynq.TaskID(taskID),
		asynq.MaxRetry(maxRetry), asynq.Timeout(noTimeout), asynq.Retention(0),
	}
	if e.In > 0 {
		options = append(options, asynq.ProcessIn(wholeSeconds(time.Now(), e.In)))
	}
	_, err := by.EnqueueContext(ctx, asynq.NewTask(typeOf(e.Lane), e.Payload), options...)
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

	Namespace string // of the queue; "": that of the client
}

// EnqueueMany enqueues all of them in few round trips, and returns one error, or nil, for each entry.
func (c *Client) EnqueueMany(ctx context.Context, entries []Entry) []error {
	errs := make([]error, len(entries))
	by := c.asynq
	if len(entries) > 1 {
		by = c.many()
	}
	var group errgroup.Group
	group.SetLimit(parallelEnqueues)
	for i, e := range entries {
		group.Go(func() error {
			errs[i] = c.enqueue(ctx, by, e)
			return nil
		})
	}
	group.Wait()
	ropes := make(map[bellRope]bool)
	for _, e := range entries {
		if e.In == 0 {
			ropes[bellRope{orDefault(e.Namespace, c.namespace), e.Lane}] = true
		}
	}
	c.ring(ctx, ropes)
	return errs
}
