package redisconn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

// IsAway reports whether an error came from a Redis that is out of reach, or not ready to answer: trying again later
// may help. It knows errors of Open, Check and everything that uses Conn.Client. Others are never taken for them, such
// as the network errors of another server. Where a replica is waited for, a Redis without one is away too.
func IsAway(err error) bool {
	var unreachable *UnreachableError
	var alone *NotReplicatedError
	return errors.As(err, &unreachable) || errors.As(err, &alone)
}

// explainAway makes an *UnreachableError of every error by which a command ends because Redis is away. It sits where
// the errors arise: further away nobody can tell whose network error it is.
type explainAway struct {
	target target
	outage *outage
}

func (explainAway) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h explainAway) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := h.explained(next(ctx, cmd))
		h.outage.saw(err, time.Now)
		return err
	}
}

func (h explainAway) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := h.explained(next(ctx, cmds))
		h.outage.saw(err, time.Now)
		for _, cmd := range cmds {
			cmd.SetErr(h.explained(cmd.Err()))
		}
		return err
	}
}

func (h explainAway) explained(err error) error {
	if err == nil || !away(err) || IsAway(err) {
		return err
	}
	return h.target.unreachable(err)
}

// away reports whether an error that a Redis client returned speaks of the way to Redis, or of a Redis that has to
// come up first, or of another server that is to take its place. An interruption is the caller's own wish.
func away(err error) bool {
	if err == redis.Nil { // as every look at an empty queue ends
		return false
	}
	var noMaster *noMasterError
	if errors.As(err, &noMaster) || errors.Is(err, errReplica) {
		return true
	}
	var answer redis.Error
	if errors.As(err, &answer) {
		return redis.IsLoadingError(err) || redis.IsMasterDownError(err) || redis.IsClusterDownError(err) ||
			redis.IsTryAgainError(err) || redis.IsMaxClientsError(err) || redis.IsReadOnlyError(err) ||
			redis.IsNoReplicasError(err) || redis.HasErrorPrefix(err, "UNBLOCKED") || isRedirect(err)
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || err.Error() == noNodes
}

// noNodes is what go-redis says of a cluster in which no node has slots.
const noNodes = "redis: cluster has no nodes"

// isRedirect reports whether a node says that another one has the slot: the client of a cluster follows, and says so only
// when it was sent round in circles.
func isRedirect(err error) bool {
	_, moved := redis.IsMovedError(err)
	_, ask := redis.IsAskError(err)
	return moved || ask
}
