package redisconn

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// mostTogether bounds a pipeline, so that its first answer is not late for the sake of its last one.
const mostTogether = 128

// together sends scripts that many goroutines run at the same time in common pipelines. A lone one goes at once and by
// itself; those that come while it is under way travel together with the next flight. Under load that saves most of the
// system calls, which cost worker and Redis more than the scripts do.
//
// A fetch of asynq's goes by itself, since everything else waits for it.
//
// Every caller waits for its own answer only, and no longer than its context allows.
type together struct {
	mu      sync.Mutex
	client  redis.UniversalClient // of the pipelines
	flying  bool
	waiting []*passenger
}

// passenger is a script that waits for a flight.
type passenger struct {
	cmd  *redis.Cmd        // a copy of the caller's, who may leave
	turn chan []*passenger // closed once cmd is answered; or the flight that this caller is to make for all of them
}

// hook has the scripts of a client go together.
func (t *together) hook() redis.Hook { return togetherHook{t} }

type togetherHook struct{ *together }

func (togetherHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (togetherHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (t togetherHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		script, ok := cmd.(*redis.Cmd)
		if !ok || (cmd.Name() != "evalsha" && cmd.Name() != "eval") || IsFetch(cmd) {
			return next(ctx, cmd)
		}
		p := t.board(script)
		if p == nil {
			defer t.land()
			return next(ctx, cmd)
		}
		return t.ride(ctx, p, script)
	}
}

// board returns nil for a caller that may go at once.
func (t *together) board(cmd *redis.Cmd) *passenger {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.flying {
		t.flying = true
		return nil
	}
	p := &passenger{cmd: redis.NewCmd(context.Background(), cmd.Args()...), turn: make(chan []*passenger, 1)}
	t.waiting = append(t.waiting, p)
	return p
}

// land ends a flight. If others wait, one of them makes the next one for all.
func (t *together) land() {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), mostTogether)
	if n == 0 {
		t.flying = false
		return
	}
	crew := t.waiting[:n:n]
	t.waiting = t.waiting[n:]
	if len(t.waiting) == 0 {
		t.waiting = nil
	}
	crew[0].turn <- crew
}

// ride waits for the answer, and makes the flight if it is this caller's turn.
func (t *together) ride(ctx context.Context, p *passenger, cmd *redis.Cmd) error {
	select {
	case crew := <-p.turn:
		if crew != nil {
			t.fly(crew)
		}
	case <-ctx.Done():
		go func() { // somebody has to make the flight, if it is this one's turn
			if crew := <-p.turn; crew != nil {
				t.fly(crew)
			}
		}()
		return ctx.Err()
	}
	if err := p.cmd.Err(); err != nil {
		return err
	}
	cmd.SetVal(p.cmd.Val())
	return nil
}

// fly sends the scripts of all of them, and tells them.
func (t *together) fly(crew []*passenger) {
	defer t.land()
	pipe := t.client.Pipeline()
	for _, p := range crew {
		_ = pipe.Process(context.Background(), p.cmd)
	}
	_, _ = pipe.Exec(context.Background()) // every command carries its own error
	for _, p := range crew {
		close(p.turn)
	}
}
