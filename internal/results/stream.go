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

// stream is one of the streams that results are in.
type stream struct {
	rdb redis.UniversalClient
	key string
}

// after returns up to n entries after a place, oldest first.
func (s stream) after(ctx context.Context, place string, n int) ([]redis.XMessage, error) {
	entries, err := s.rdb.XRangeN(ctx, s.key, "("+place, "+", int64(n)).Result()
	return entries, s.failed(err)
}

// before returns up to n entries before a place, newest first.
func (s stream) before(ctx context.Context, place string, n int) ([]redis.XMessage, error) {
	if place != End {
		place = "(" + place
	}
	entries, err := s.rdb.XRevRangeN(ctx, s.key, place, "-", int64(n)).Result()
	return entries, s.failed(err)
}

// newest returns the place after all that was ever published.
func (s stream) newest(ctx context.Context) (string, error) {
	info, err := s.rdb.XInfoStream(ctx, s.key).Result()
	if err != nil {
		if strings.HasPrefix(err.Error(), "ERR no such key") {
			return Start, nil
		}
		return "", err
	}
	return info.LastGeneratedID, nil
}

// await waits for entries after a place: redis.Nil if none came for a while.
func (s stream) await(ctx context.Context, place string) ([]redis.XMessage, error) {
	read, err := s.rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{s.key, place}, Count: page, Block: block}).Result()
	if err != nil {
		return nil, err
	}
	return read[0].Messages, nil
}

// follow is Reader.Follow of one stream.
func (s stream) follow(ctx context.Context, place string, f func(Event) error) error {
	for ctx.Err() == nil {
		entries, err := s.await(ctx, place)
		if err != nil {
			if err := s.pause(ctx, err); err != nil {
				return err
			}
			continue
		}
		if place, err = s.each(entries, place, f); err != nil {
			return err
		}
	}
	return nil
}

// each hands entries to f and returns the place after the last one handled.
func (s stream) each(entries []redis.XMessage, place string, f func(Event) error) (string, error) {
	for _, m := range entries {
		if err := f(s.event(m)); err != nil {
			return place, err
		}
		place = m.ID
	}
	return place, nil
}

// pause decides about a failed read: nothing came, Redis is away for now (nil, after a
// second), or the read can never succeed (the error).
func (s stream) pause(ctx context.Context, err error) error {
	if errors.Is(err, redis.Nil) || ctx.Err() != nil {
		return nil
	}
	var refused redis.Error
	if errors.As(err, &refused) && !passing(refused) {
		return s.failed(err)
	}
	sleep(ctx, time.Second)
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

// failed says which stream an error is about.
func (s stream) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("results: %s: %w", s.key, err)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
