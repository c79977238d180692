package pages

import (
	"context"
	"sync"
	"time"
)

// readBound is how long Redis may take to answer a page.
const readBound = 3 * time.Second

// cached remembers what was read last for a short time, so that many open pages cost Redis as much as one. Errors are
// remembered too: while Redis is away nobody waits for it in turn.
type cached[T any] struct {
	life time.Duration
	read func(context.Context) (T, error)

	mu    sync.Mutex
	until time.Time
	value T
	err   error
}

func (c *cached[T]) get() (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.until) {
		return c.value, c.err
	}
	// Others wait for this too, so it does not end with the request that happened to come first.
	ctx, cancel := context.WithTimeout(context.Background(), readBound)
	defer cancel()
	c.value, c.err = c.read(ctx)
	c.until = time.Now().Add(c.life)
	return c.value, c.err
}

// forget has the next look be a fresh one.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
}
