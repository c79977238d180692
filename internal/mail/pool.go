package mail

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

var errClosed = errors.New("the sender is closed")

// pool bounds how many connections there are and keeps those that are not in use, for a while.
type pool struct {
	slots *semaphore.Weighted // one for each connection in use
	idle  time.Duration

	mu     sync.Mutex
	closed bool
	rest   []*resting // the one used last at the end
}

// resting is a connection that nobody uses.
type resting struct {
	session *session
	timer   *time.Timer
}

func newPool(connections int, idle time.Duration) *pool {
	return &pool{slots: semaphore.NewWeighted(int64(connections)), idle: idle}
}

// enter waits until one more connection may be in use.
func (p *pool) enter(ctx context.Context) error {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return errClosed
	}
	return p.slots.Acquire(ctx, 1)
}

func (p *pool) leave() { p.slots.Release(1) }

// take returns the connection that was used last, so that the others can go; nil when there is none.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rest) == 0 {
		return nil
	}
	last := len(p.rest) - 1
	r := p.rest[last]
	p.rest = p.rest[:last]
	r.timer.Stop() // should it have run already, expire does not find it
	return r.session
}

// keep takes a connection back, and reports false when it does not want it.
func (p *pool) keep(c *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	r := &resting{session: c}
	r.timer = time.AfterFunc(p.idle, func() { p.expire(r) })
	p.rest = append(p.rest, r)
	return true
}

func (p *pool) expire(r *resting) {
	if p.remove(r) {
		r.session.quit()
	}
}

func (p *pool) remove(r *resting) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.rest {
		if other == r {
			p.rest = append(p.rest[:i], p.rest[i+1:]...)
			return true
		}
	}
	return false
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	rest := p.rest
	p.rest = nil
	p.mu.Unlock()
	for _, r := range rest {
		r.timer.Stop()
		r.session.quit()
	}
}
