package redisconn

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// shortWait is how long a replica has to acknowledge something when it did not the last time: while none is there, everybody who
// waits has a connection for as long, and others have to have some left.
const shortWait = 100 * time.Millisecond

// NotReplicatedError says that no replica has acknowledged in time what was done. The master has it, and may keep it or lose it:
// whoever gave it does well to give it again.
type NotReplicatedError struct{ After time.Duration }

func (e *NotReplicatedError) Error() string {
	return fmt.Sprintf("no replica of Redis has acknowledged it within %v: the master has it, and alone it may lose it; send it again, which is safe", e.After)
}

// Replicas makes sure that what is done in Redis is on a replica too, so that it outlives the master. It is safe for concurrent use.
type Replicas struct {
	rdb     redis.UniversalClient
	key     string
	timeout time.Duration
	behind  atomic.Bool // none acknowledged in time, the last time
}

// NewReplicas returns the replicas of the server that has a key, who have this long to acknowledge. The key is written to, and means
// nothing: a server remembers how much of the replication stream a connection has to wait for from its last write, and what is
// waited for may be what was read.
func NewReplicas(rdb redis.UniversalClient, key string, timeout time.Duration) *Replicas {
	return &Replicas{rdb: rdb, key: key, timeout: timeout}
}

// Pipelined sends what fill queues as one pipeline, over one connection, and returns once a replica has all that the server had
// when it had done that. All keys have to be in one slot. The commands carry their own errors; the one that is returned says why it
// is not certain that a replica has it: a *NotReplicatedError, or that of the connection.
func (r *Replicas) Pipelined(ctx context.Context, fill func(redis.Pipeliner)) error {
	nodes, parted := r.rdb.(*redis.ClusterClient)
	if !parted {
		return r.exec(ctx, r.rdb.Pipeline(), fill)
	}
	// WAIT has no key by which a cluster's client could find its server.
	node, err := nodes.MasterForKey(ctx, r.key)
	if err != nil {
		pipe := nodes.Pipeline()
		fill(pipe)
		return fail(pipe.Cmds(), explained(err, "the cluster"))
	}
	pipe := node.Pipeline()
	err = r.exec(ctx, pipe, fill)
	if err != nil && away(err) { // a redirection is among these: the client of one node does not follow any
		nodes.ReloadState(ctx)
		err = explained(err, node.Options().Addr)
	}
	return err
}

func (r *Replicas) exec(ctx context.Context, pipe redis.Pipeliner, fill func(redis.Pipeliner)) error {
	timeout := r.timeout
	if r.behind.Load() {
		timeout = min(timeout, shortWait)
	}
	fill(pipe)
	written := pipe.Set(ctx, r.key, "", 0)
	acknowledged := redis.NewIntCmd(ctx, "wait", 1, timeout.Milliseconds())
	_ = pipe.Process(ctx, acknowledged)
	_, _ = pipe.Exec(ctx) // every command carries its own error
	if err := written.Err(); err != nil {
		return err
	}
	n, err := acknowledged.Result()
	if err != nil {
		return err
	}
	r.behind.Store(n == 0)
	if n == 0 {
		return &NotReplicatedError{After: timeout}
	}
	return nil
}

func explained(err error, addr string) error {
	if !away(err) || IsAway(err) {
		return err
	}
	t := target{&place{kind: cluster, addr: addr}}
	return t.unreachable(err)
}

func fail(cmds []redis.Cmder, err error) error {
	for _, cmd := range cmds {
		cmd.SetErr(err)
	}
	return err
}
