package redisconn

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// shortWait is how long the replicas have to acknowledge something when they did not the last time: while one is not there,
// everybody who waits has a connection for as long, and others have to have some left.
const shortWait = 100 * time.Millisecond

// NotReplicatedError says that not all replicas have acknowledged in time what was done. The master has it, and may keep it or lose
// it: whoever gave it does well to give it again.
type NotReplicatedError struct {
	After      time.Duration
	Have, Need int // replicas
}

func (e *NotReplicatedError) Error() string {
	return fmt.Sprintf("%d of %d replicas of Redis have acknowledged it within %v: the master has it, and may lose it; send it again, which is safe", e.Have, e.Need, e.After)
}

// Replicas makes sure that what is done in Redis is on every replica that could take the master's place, so that it outlives the
// master whichever does. One that was lost is waited for until HeldFor has passed; see roster. It is safe for concurrent use.
type Replicas struct {
	rdb     redis.UniversalClient
	named   Named
	key     string
	timeout time.Duration
	roster  roster
	behind  atomic.Bool // not all acknowledged in time, the last time
	probing atomic.Bool // somebody gives them all the time there is
}

// NewReplicas returns the replicas of the server that has a key, who have this long to acknowledge. The key is written to, and means
// nothing: a server remembers how much of the replication stream a connection has to wait for from its last write, and what is
// waited for may be what was read. Look is to be called each second. named is Conn.Named's.
func NewReplicas(rdb redis.UniversalClient, named Named, key string, timeout time.Duration) *Replicas {
	return &Replicas{rdb: rdb, named: named, key: key, timeout: timeout}
}

// Pipelined sends what fill queues as one pipeline, over one connection, and returns once the replicas have all that the server had
// when it had done that. All keys have to be in one slot. The commands carry their own errors; the one that is returned says why it
// is not certain that they have it: a *NotReplicatedError, or that of the connection.
func (r *Replicas) Pipelined(ctx context.Context, fill func(redis.Pipeliner)) error {
	nodes, parted := r.rdb.(*redis.ClusterClient)
	if !parted {
		return r.exec(ctx, r.rdb.Pipeline, fill)
	}
	// WAIT has no key by which a cluster's client could find its server.
	node, err := nodes.MasterForKey(ctx, r.key)
	if err != nil {
		pipe := nodes.Pipeline()
		fill(pipe)
		return fail(pipe.Cmds(), explained(err, "the cluster"))
	}
	err = r.exec(ctx, node.Pipeline, fill)
	if err != nil && away(err) { // a redirection is among these: the client of one node does not follow any
		nodes.ReloadState(ctx)
		err = explained(err, node.Options().Addr)
	}
	return err
}

// exec does it, and waits once more where a replica came of which nobody knew. If another master came meanwhile, what its replicas
// have says nothing about what was done.
func (r *Replicas) exec(ctx context.Context, pipeline func() redis.Pipeliner, fill func(redis.Pipeliner)) error {
	first, err := r.round(ctx, pipeline(), fill)
	if first == nil || first.have < first.asked || first.have >= first.need {
		return err
	}
	again, err := r.round(ctx, pipeline(), func(redis.Pipeliner) {})
	if err == nil && again.master != first.master {
		err = &NotReplicatedError{After: r.timeout, Have: first.have, Need: first.need}
	}
	return err
}

// round is what became of one pipeline.
type round struct {
	master            string
	asked, need, have int // replicas: asked for before the master had told how many there are
}

// round sends one pipeline. It is nil where the server did not answer.
func (r *Replicas) round(ctx context.Context, pipe redis.Pipeliner, fill func(redis.Pipeliner)) (*round, error) {
	timeout, done := r.patience()
	defer done()
	asked := r.roster.need()
	fill(pipe)
	written := pipe.Set(ctx, r.key, "", 0)
	told := pipe.Info(ctx, replication) // by the same server, in the same moment
	acknowledged := redis.NewIntCmd(ctx, "wait", asked, timeout.Milliseconds())
	_ = pipe.Process(ctx, acknowledged)
	_, _ = pipe.Exec(ctx) // every command carries its own error
	for _, cmd := range []redis.Cmder{written, told, acknowledged} {
		if err := cmd.Err(); err != nil {
			return nil, err
		}
	}
	now := &round{asked: asked, have: int(acknowledged.Val())}
	now.master, now.need = r.roster.take(told.Val(), time.Now())
	r.behind.Store(now.have < asked)
	if now.have < now.need {
		return now, &NotReplicatedError{After: timeout, Have: now.have, Need: now.need}
	}
	return now, nil
}

// patience is how long the replicas have. While they are behind one caller at a time gives them all the time there is, or those that
// are always a little slow would never be seen to be back; but not while one of them is away, since then waiting is in vain.
func (r *Replicas) patience() (timeout time.Duration, done func()) {
	switch {
	case !r.behind.Load():
		return r.timeout, func() {}
	case r.roster.complete() && r.probing.CompareAndSwap(false, true):
		return r.timeout, func() { r.probing.Store(false) }
	}
	return min(r.timeout, shortWait), func() {}
}

// lookBound is how long the master may take to tell who follows it.
const lookBound = time.Second

// Look learns who follows the master, also while nothing is done: whoever leaves it when nobody looks is not missed. It alone gives
// up on one that left. The error is that of the connection.
func (r *Replicas) Look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookBound)
	defer cancel()
	server, err := r.server(ctx)
	if err != nil {
		return err
	}
	still := r.named.begin()
	told, err := server.Info(ctx, replication).Result()
	if err != nil {
		return err
	}
	r.roster.take(told, time.Now())
	if r.roster.overdue(time.Now()) && still() {
		r.roster.giveUp(time.Now())
	}
	return nil
}

func (r *Replicas) server(ctx context.Context) (redis.Cmdable, error) {
	if nodes, parted := r.rdb.(*redis.ClusterClient); parted {
		return nodes.MasterForKey(ctx, r.key)
	}
	return r.rdb, nil
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
