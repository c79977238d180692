package results

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// afterTrouble is how long the hub waits after a read that failed.
	afterTrouble = 500 * time.Millisecond

	// gathering is how long events gather after others came: under a thousand a second, too, there are a hundred reads a second
	// at most.
	gathering = 10 * time.Millisecond
)

// listener reads one stream for a hub.
type listener struct {
	stream
	hub    *Hub
	log    *slog.Logger
	wanted chan struct{} // has a value when somebody began to wait

	reading  chan struct{} // closed while it reads: no event is missed from then on; guarded by the hub's mu
	troubled bool          // the last read failed; of run alone
}

func (l *listener) run(ctx context.Context) {
	defer l.idle(true)
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wanted:
			l.listen(ctx)
		}
	}
}

// listen reads until nobody waits.
func (l *listener) listen(ctx context.Context) {
	place := ""
	for ctx.Err() == nil && !l.idle(false) {
		var err error
		if place == "" {
			place, err = l.begin(ctx)
		} else {
			place, err = l.next(ctx, place)
		}
		l.trouble(ctx, err)
	}
}

// begin finds the place to read from, and lets those who wait go on.
func (l *listener) begin(ctx context.Context) (string, error) {
	place, err := l.newest(ctx)
	if err != nil {
		return "", err
	}
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	close(l.reading)
	return place, nil
}

// next hands out one page, and returns the place after it.
func (l *listener) next(ctx context.Context, place string) (string, error) {
	entries, err := l.await(ctx, place)
	if err == nil {
		if place, err = l.each(entries, place, l.hub.hand); len(entries) < page {
			sleep(ctx, gathering)
		}
		return place, err
	}
	if !errors.Is(err, redis.Nil) {
		return place, err
	}
	// Nothing came. A stream that was deleted and began anew under a clock that runs behind would never bring anything that is
	// after the old place.
	newest, err := l.newest(ctx)
	if err == nil && before(newest, place) {
		return Start, nil
	}
	return place, err
}

// idle reports whether nobody waits, or that the end has come; then whoever comes next has to wait for a new beginning.
func (l *listener) idle(end bool) bool {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	if len(l.hub.watches) > 0 && !end {
		return false
	}
	select {
	case <-l.reading:
		l.reading = make(chan struct{})
	default:
	}
	return true
}

// trouble says once that reading fails, and once that it goes on; and it waits before the next try.
func (l *listener) trouble(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if failed := err != nil; failed != l.troubled {
		if l.troubled = failed; failed {
			l.log.Warn("the result stream can not be read: who waits for a link is told later", "stream", l.key, "error", err)
		} else {
			l.log.Info("the result stream is read again", "stream", l.key)
		}
	}
	if err != nil {
		sleep(ctx, afterTrouble)
	}
}
