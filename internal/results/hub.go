package results

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/hpplink/hpplink/internal/order"
)

// ErrHubEnded means that nobody can wait any more, since Run has ended.
var ErrHubEnded = errors.New("results: the hub has ended")

// Hub wakes all in this process who wait for an order's link or failure. However many wait, one of them or thousands, it
// reads each stream once; while nobody waits it does not read.
type Hub struct {
	listeners []*listener
	ended     chan struct{} // closed when Run ends

	mu      sync.Mutex
	watches map[order.Key]map[*Watch]struct{}
}

// NewHub returns a hub that Run brings to life.
func NewHub(r *Reader, log *slog.Logger) *Hub {
	h := &Hub{ended: make(chan struct{}), watches: map[order.Key]map[*Watch]struct{}{}}
	for _, s := range r.streams {
		h.listeners = append(h.listeners, &listener{
			stream: s, hub: h, log: log, wanted: make(chan struct{}, 1), reading: make(chan struct{}),
		})
	}
	return h
}

// Watch is one wait for what becomes of one order.
type Watch struct {
	hub    *Hub
	key    order.Key
	events chan Event
}

// Events hands out what ends the order's generations, LinkIssued and LinkFailed. One that nobody took yet gives way to a newer
// one. It is never closed.
func (w *Watch) Events() <-chan Event { return w.events }

// Close ends the wait. It is safe to call twice.
func (w *Watch) Close() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	all := w.hub.watches[w.key]
	if delete(all, w); len(all) == 0 {
		delete(w.hub.watches, w.key)
	}
}

// Watch begins to wait for an order. When it returns, the hub reads from a place before now, in every stream: an event that is
// published after it is handed out, so whoever watches first and then looks at the ledger misses nothing. While Redis is away, or
// one of the streams that the hub does not read already, it takes until the context ends; the error then is the context's. It is
// ErrHubEnded once Run has ended. Close the Watch.
func (h *Hub) Watch(ctx context.Context, key order.Key) (*Watch, error) {
	w := &Watch{hub: h, key: key, events: make(chan Event, 1)}
	for _, reading := range h.add(w) {
		select {
		case <-reading:
		case <-ctx.Done():
			w.Close()
			return nil, ctx.Err()
		case <-h.ended:
			w.Close()
			return nil, ErrHubEnded
		}
	}
	return w, nil
}

func (h *Hub) add(w *Watch) (reading []<-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watches[w.key] == nil {
		h.watches[w.key] = map[*Watch]struct{}{}
	}
	h.watches[w.key][w] = struct{}{}
	for _, l := range h.listeners {
		reading = append(reading, l.reading)
		select {
		case l.wanted <- struct{}{}:
		default:
		}
	}
	return reading
}

// Run reads for all who wait, until the context ends. While Redis is away, or its stream is gone, it carries on; a stream that is
// away does not stop the others. Call it once.
func (h *Hub) Run(ctx context.Context) {
	defer close(h.ended)
	var all sync.WaitGroup
	for _, l := range h.listeners {
		all.Go(func() { l.run(ctx) })
	}
	all.Wait()
}

// hand gives an event to those who wait for it. It never blocks: each has room for one event, and nobody else sends.
func (h *Hub) hand(e Event) error {
	if e.Type != LinkIssued && e.Type != LinkFailed {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watches[e.Key()] {
		select {
		case <-w.events:
		default:
		}
		w.events <- e
	}
	return nil
}
