package redisconn

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// mostTogether bounds a pipeline, so that its first answer is not late for the sake of its last one.
const mostTogether = 128

// patience is how long a trip may take before others no longer wait for its end: its connection may be dead, which the
// client finds out after seconds only, and then it may try the next dead one.
const patience = time.Second

// together sends scripts that many goroutines run at the same time in common pipelines. A lone one goes at once and by
// itself; those that come while it is under way travel together with the next flight. Under load that saves most of the
// system calls, which cost worker and Redis more than the scripts do.
//
// A fetch of asynq's goes by itself, since everything else waits for it.
//
// Every caller gets its own answer, and waits no longer than its context allows: a flight is made by a goroutine that is
// nobody's. The client's time-outs and retries alone bound it. A script whose caller has left before take-off is not sent;
// one under way may be done although its caller has left, as with every command.
type together struct {
	mu      sync.Mutex
	client  redis.UniversalClient // of the pipelines
	flying  bool
	waiting []*passenger
}

// passenger is a script that waits for a flight.
type passenger struct {
	ctx      context.Context // the caller's
	cmd      *redis.Cmd      // a copy of the caller's, who may leave
	answered chan struct{}   // closed once cmd is
}

// travelling has the scripts of a client go together. In a cluster only those of one slot do: others would wait for a
// node that is not theirs, and that may be away.
func travelling(client redis.UniversalClient) redis.Hook {
	if _, parted := client.(*redis.ClusterClient); parted {
		return &partedHook{client: client}
	}
	return togetherHook{&together{client: client}}
}

type togetherHook struct{ *together }

func (togetherHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (togetherHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (t togetherHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		script, ok := asScript(cmd)
		if !ok {
			return next(ctx, cmd)
		}
		return t.process(ctx, script, next)
	}
}

// asScript returns a script that may go together with others.
func asScript(cmd redis.Cmder) (*redis.Cmd, bool) {
	script, ok := cmd.(*redis.Cmd)
	return script, ok && (cmd.Name() == "evalsha" || cmd.Name() == "eval") && !IsFetch(cmd)
}

func (t *together) process(ctx context.Context, script *redis.Cmd, next redis.ProcessHook) error {
	p := t.board(ctx, script)
	if p != nil {
		return p.ride(ctx, script)
	}
	late := time.AfterFunc(patience, t.land)
	defer func() {
		if late.Stop() {
			t.land()
		}
	}()
	return next(ctx, script)
}

// board returns nil for a caller that may go at once.
func (t *together) board(ctx context.Context, cmd *redis.Cmd) *passenger {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.flying {
		t.flying = true
		return nil
	}
	p := &passenger{ctx: ctx, cmd: redis.NewCmd(context.Background(), cmd.Args()...), answered: make(chan struct{})}
	t.waiting = append(t.waiting, p)
	return p
}

// ride waits for the answer.
func (p *passenger) ride(ctx context.Context, cmd *redis.Cmd) error {
	select {
	case <-p.answered:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := p.cmd.Err(); err != nil {
		return err
	}
	cmd.SetVal(p.cmd.Val())
	return nil
}

// land ends the trip of one that went by itself, or the waiting for one that takes too long. If others wait, they fly.
func (t *together) land() {
	if crew := t.nextCrew(); crew != nil {
		go t.fly(crew)
	}
}

// fly sends the scripts of all of them, and tells them; and so on, until nobody waits or others fly on.
func (t *together) fly(crew []*passenger) {
	for ; crew != nil; crew = t.nextCrew() {
		late := time.AfterFunc(patience, t.land)
		pipe, loads := t.client.Pipeline(), loaded(crew)
		sent := make([]*redis.Cmd, len(loads))
		for i, l := range loads {
			sent[i] = l.command()
			_ = pipe.Process(context.Background(), sent[i])
		}
		_, _ = pipe.Exec(context.Background()) // every command carries its own error
		for i, l := range loads {
			l.deliver(sent[i])
		}
		for _, p := range crew {
			close(p.answered)
		}
		if !late.Stop() {
			return
		}
	}
}

// nextCrew returns those who make the next flight, or nil when there is none.
func (t *together) nextCrew() []*passenger {
	t.mu.Lock()
	defer t.mu.Unlock()
	var crew []*passenger
	n := 0
	for ; n < len(t.waiting) && len(crew) < mostTogether; n++ {
		if p := t.waiting[n]; p.ctx.Err() == nil {
			crew = append(crew, p)
		}
	}
	if t.waiting = t.waiting[n:]; len(t.waiting) == 0 {
		t.waiting = nil
	}
	t.flying = crew != nil
	return crew
}
