package results

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
)

// ErrHubEnded means that nobody can wait any more, since Run has ended.
var ErrHubEnded = errors.New("results: the hub has ended")

const (
	// afterTrouble is how long the hub waits after a read that failed.
	afterTrouble = 500 * time.Millisecond

	// gathering is how long events gather after others came: under a thousand a second, too, there are a hundred reads a second
	// at most.
	gathering = 10 * time.Millisecond
)

// Hub wakes all in this process who wait for an order's link or failure. However many wait, one of them or thousands, it
// reads the stream once; while nobody waits it does not read.
type Hub struct {
	r      *Reader
	log    *slog.Logger
	wanted chan struct{} // has a value when somebody began to wait
	ended  chan struct{} // closed when Run ends

	mu      sync.Mutex
	watches map[order.Key]map[*Watch]struct{}
	reading chan struct{} // closed while the hub reads: no event is missed from then on

	troubled bool // the last read failed; of Run alone
}

// NewHub returns a hub that Run brings to life.
func NewHub(r *Reader, log *slog.Logger) *Hub {
	return &Hub{
		r: r, log: log, wanted: make(chan struct{}, 1), ended: make(chan struct{}),
		watches: map[order.Key]map[*Watch]struct{}{}, reading: make(chan struct{}),
	}
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

// Watch begins to wait for an order. When it returns, the hub reads from a place before now: an event that is published after it
// is handed out, so whoever watches first and then looks at the ledger misses nothing. While Redis is away it takes until the
// context ends; the error then is the context's. It is ErrHubEnded once Run has ended. Close the Watch.
func (h *Hub) Watch(ctx context.Context, key order.Key) (*Watch, error) {
	w := &Watch{hub: h, key: key, events: make(chan Event, 1)}
	reading := h.add(w)
	select {
	case h.wanted <- struct{}{}:
	default:
	}
	select {
	case <-reading:
		return w, nil
	case <-ctx.Done():
		w.Close()
		return nil, ctx.Err()
	case <-h.ended:
		w.Close()
		return nil, ErrHubEnded
	}
}

func (h *Hub) add(w *Watch) (reading <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watches[w.key] == nil {
		h.watches[w.key] = map[*Watch]struct{}{}
	}
	h.watches[w.key][w] = struct{}{}
	return h.reading
}

// Run reads for all who wait, until the context ends. While Redis is away, or its stream is gone, it carries on. Call it once.
func (h *Hub) Run(ctx context.Context) {
	defer close(h.ended)
	defer h.idle(true)
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wanted:
			h.follow(ctx)
		}
	}
}

// follow reads until nobody waits.
func (h *Hub) follow(ctx context.Context) {
	after := ""
	for ctx.Err() == nil && !h.idle(false) {
		var err error
		if after == "" {
			after, err = h.begin(ctx)
		} else {
			after, err = h.next(ctx, after)
		}
		h.trouble(ctx, err)
	}
}

// begin finds the place to read from, and lets those who wait go on.
func (h *Hub) begin(ctx context.Context) (string, error) {
	after, err := h.r.newest(ctx)
	if err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.reading)
	return after, nil
}

// next hands out one page, and returns the place after it.
func (h *Hub) next(ctx context.Context, after string) (string, error) {
	read, err := h.r.rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{h.r.stream, after}, Count: page, Block: block}).Result()
	if err == nil {
		if after, err = each(read[0].Messages, after, h.hand); len(read[0].Messages) < page {
			sleep(ctx, gathering)
		}
		return after, err
	}
	if !errors.Is(err, redis.Nil) {
		return after, err
	}
	// Nothing came. A stream that was deleted and began anew under a clock that runs behind would never bring anything that is
	// after the old place.
	newest, err := h.r.newest(ctx)
	if err == nil && before(newest, after) {
		return Start, nil
	}
	return after, err
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

// idle reports whether nobody waits, or that the end has come; then whoever comes next has to wait for a new beginning.
func (h *Hub) idle(end bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.watches) > 0 && !end {
		return false
	}
	select {
	case <-h.reading:
		h.reading = make(chan struct{})
	default:
	}
	return true
}

// trouble says once that reading fails, and once that it goes on; and it waits before the next try.
func (h *Hub) trouble(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if failed := err != nil; failed != h.troubled {
		if h.troubled = failed; failed {
			h.log.Warn("the result stream can not be read: who waits for a link is told later", "error", err)
		} else {
			h.log.Info("the result stream is read again")
		}
	}
	if err != nil {
		sleep(ctx, afterTrouble)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// newest returns the place after all that was ever published.
func (r *Reader) newest(ctx context.Context) (string, error) {
	info, err := r.rdb.XInfoStream(ctx, r.stream).Result()
	if err != nil {
		if strings.HasPrefix(err.Error(), "ERR no such key") {
			return Start, nil
		}
		return "", err
	}
	return info.LastGeneratedID, nil
}

// before compares ids of entries, "ms-n".
func before(a, b string) bool {
	ams, an := idParts(a)
	bms, bn := idParts(b)
	return ams < bms || ams == bms && an < bn
}

func idParts(id string) (ms, n uint64) {
	a, b, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(a, 10, 64)
	n, _ = strconv.ParseUint(b, 10, 64)
	return ms, n
}
