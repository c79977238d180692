package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
)

// ReplicaTimeout is how long the replicas have to acknowledge something before that counts as not durable. It is shorter than a client
// waits for an answer.
const ReplicaTimeout = 2 * time.Second

// durable is how a ledger makes sure that what it tells is on the replicas too.
type durable struct {
	replicas *redisconn.Replicas
	wake     chan struct{} // has a value when something was published to the outbox
}

// Durable returns the ledger as one that tells nothing before the replicas have it, within a timeout: that an order is accepted or
// known, what its record says, that its email may be sent. What it publishes waits in the outbox; a Publisher takes it from there,
// and looks who the replicas are. named are those who name the master.
func (l *Ledger) Durable(timeout time.Duration, named redisconn.Named) *Ledger {
	own := *l
	own.keys = l.keys.Durable()
	own.durable = &durable{redisconn.NewReplicas(l.rdb, named, l.keys.Seen(), timeout), make(chan struct{}, 1)}
	own.scripts.claim.shared, own.scripts.issue.shared = &sync.Map{}, &sync.Map{} // the others name the stream of results
	return &own
}

// LookForReplicas learns who the replicas of a durable ledger's master are. Its Publisher does it all the time.
func (l *Ledger) LookForReplicas(ctx context.Context) error { return l.durable.replicas.Look(ctx) }

// ForPages returns the ledger as pages for operators use it: it shows records as they are, also when replicas are not there.
func (l *Ledger) ForPages() *Ledger {
	own := *l
	own.shows = true
	return &own
}

func (l *Ledger) mustBeSure() bool { return l.durable != nil && !l.shows }

// pipelined sends what fill queues in one round trip. Where the ledger is durable and the caller wants to be sure, the error says
// why it is not certain that the replicas have it; all else the commands carry themselves.
func (l *Ledger) pipelined(ctx context.Context, sure bool, fill func(redis.Pipeliner)) error {
	if l.durable == nil || !sure {
		pipe := l.rdb.Pipeline()
		fill(pipe)
		_, _ = pipe.Exec(ctx)
		return nil
	}
	return l.durable.replicas.Pipelined(ctx, fill)
}

// once runs a script, and where the ledger is durable returns once the replicas have what it did; unsure says why that is not certain.
func (l *Ledger) once(ctx context.Context, s *redis.Script, c call) (cmd *redis.Cmd, unsure error) {
	if l.durable == nil {
		return s.Run(ctx, l.rdb, c.keys, c.args...), nil
	}
	unsure = l.pipelined(ctx, true, func(p redis.Pipeliner) { cmd = s.EvalSha(ctx, p, c.keys, c.args...) })
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		unsure = l.pipelined(ctx, true, func(p redis.Pipeliner) { cmd = s.Eval(ctx, p, c.keys, c.args...) })
	}
	return cmd, unsure
}

// runSurely is run for what is not to be believed before the replicas have it.
func (l *Ledger) runSurely(ctx context.Context, s *redis.Script, c call) (r reply, unsure, err error) {
	cmd, unsure := l.once(ctx, s, c)
	r, err = parseReply(cmd)
	return r, unsure, err
}
