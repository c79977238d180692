//go:build faults

package faults

import (
	"context"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/results"
)

// consumer follows the result stream as a real one does, while everything happens. What it has
// seen stays seen, even if Redis loses it.
type consumer struct {
	mu     sync.Mutex
	events []results.Event
	refs   map[string]bool
	last   time.Time // when the last event came
	err    error
}

func follow(s *system) *consumer {
	c := &consumer{refs: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := s.base.Results.Follow(ctx, results.Start, c.take)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = err
	}()
	s.t.Cleanup(func() {
		cancel()
		<-ended
	})
	return c
}

func (c *consumer) take(e results.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events, c.last = append(c.events, e), time.Now()
	c.refs[e.Ref] = true
	return nil
}

// seen returns all events so far, how many refs they are about, and what ended the following, if anything.
func (c *consumer) seen() ([]results.Event, int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events[:len(c.events):len(c.events)], len(c.refs), c.err
}

func (c *consumer) lastCame() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}
