package results

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	page = 500 // entries read in one round trip

	// block is how long one read waits at the server; a cancelled context is seen between reads.
	block = time.Second
)

// Reader reads one result stream. It is safe for concurrent use.
type Reader struct {
	rdb    redis.UniversalClient
	stream string
}

// NewReader returns a reader of the stream with this key.
func NewReader(rdb redis.UniversalClient, streams ...string) *Reader {
	return &Reader{rdb: rdb, stream: streams[0]}
}

// Start is the place before the first event.
const Start = "0"

// Read calls f with every event after a place, up to the newest. It stops at the first
// error of f, and returns the place it came to.
func (r *Reader) Read(ctx context.Context, after string, f func(Event) error) (string, error) {
	for {
		entries, err := r.rdb.XRangeN(ctx, r.stream, "("+after, "+", page).Result()
		if err != nil {
			return after, fmt.Errorf("results: %w", err)
		}
		after, err = each(entries, after, f)
		if err != nil || len(entries) < page {
			return after, err
		}
	}
}

// Follow calls f with every event after a place, and then with each as it is published,
// until the context ends (which is no error) or f returns an error. While Redis is away it
// waits and carries on.
func (r *Reader) Follow(ctx context.Context, after string, f func(Event) error) error {
	for ctx.Err() == nil {
		read, err := r.rdb.XRead(ctx, &redis.XReadArgs{
			Streams: []string{r.stream, after}, Count: page, Block: block,
		}).Result()
		if err != nil {
			if err := pause(ctx, err); err != nil {
				return err
			}
			continue
		}
		if after, err = each(read[0].Messages, after, f); err != nil {
			return err
		}
	}
	return nil
}

// pause decides about a failed read: nothing came, Redis is away for now (nil, after a
// second), or the read can never succeed (the error).
func pause(ctx context.Context, err error) error {
	if errors.Is(err, redis.Nil) || ctx.Err() != nil {
		return nil
	}
	var refused redis.Error
	if errors.As(err, &refused) && !passing(refused) {
		return fmt.Errorf("results: %w", err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return nil
}

// passing reports whether an error that Redis answered goes away by itself.
func passing(err redis.Error) bool {
	for _, word := range []string{"LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MOVED ", "ASK ", "UNBLOCKED", "BUSY "} {
		if strings.HasPrefix(err.Error(), word) {
			return true
		}
	}
	return false
}

// each hands entries to f and returns the place after the last one handled.
func each(entries []redis.XMessage, after string, f func(Event) error) (string, error) {
	for _, m := range entries {
		if err := f(eventOf(m)); err != nil {
			return after, err
		}
		after = m.ID
	}
	return after, nil
}
