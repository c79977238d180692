package results

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// Reader reads the result stream, or several as one. It is safe for concurrent use.
type Reader struct{ streams []stream }

// NewReader returns a reader of the streams with these keys, one or more. A place that a reader returned is one for readers of the
// same streams in the same order.
func NewReader(rdb redis.UniversalClient, streams ...string) *Reader {
	r := &Reader{}
	for _, key := range streams {
		r.streams = append(r.streams, stream{rdb, key})
	}
	return r
}

// Read calls f with every event after a place, up to the newest, in the order of time. It stops at the first
// error of f, and returns the place it came to.
func (r *Reader) Read(ctx context.Context, after string, f func(Event) error) (string, error) {
	places, err := r.places(after)
	if err != nil {
		return after, err
	}
	m := r.merge(places)
	err = m.each(ctx, f)
	return m.at(), err
}

// Follow calls f with every event after a place, and then with each as it is published,
// until the context ends (which is no error) or f returns an error. While Redis is away it
// waits and carries on; a stream that is away does not stop the others. It calls f for one event at a time, and not again
// once f has failed; of several streams, it may take a second more to end.
func (r *Reader) Follow(ctx context.Context, after string, f func(Event) error) error {
	places, err := r.places(after)
	if err != nil {
		return err
	}
	if len(r.streams) == 1 {
		return r.streams[0].follow(ctx, places[0], f)
	}
	// What is there already comes in the order of time. A stream that can not be read now is tried again below.
	t, m := &turns{f: f}, r.merge(places)
	if _ = m.each(ctx, t.hand); t.failed != nil {
		return t.failed
	}
	all, ctx := errgroup.WithContext(ctx)
	for _, s := range m.sources {
		all.Go(func() error { return s.follow(ctx, s.place, t.hand) })
	}
	return all.Wait()
}

// turns lets several streams hand events to one function, by turns, and no more of them once it has failed.
type turns struct {
	mu     sync.Mutex
	f      func(Event) error
	failed error
}

func (t *turns) hand(e Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = t.f(e)
	}
	return t.failed
}
