package stream

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Group is the consumer group of the intake, on the stream of orders and on those of waiting entries.
const Group = "hpplink"

const (
	batchEntries = 500     // read and handed to the door in one round trip
	batchBytes   = 4 << 20 // a batch is closed once it holds more

	fromNew   = ">"   // what nobody was handed yet
	fromStart = "0-0" // what this consumer was handed and has not acknowledged
)

var (
	//go:embed read.lua
	readLua string
	//go:embed clear.lua
	clearLua string
	//go:embed retire.lua
	retireLua string

	readScript   = redis.NewScript(readLua)
	clearScript  = redis.NewScript(clearLua)
	retireScript = redis.NewScript(retireLua)
)

// group is one consumer's view of the group on one stream.
type group struct {
	rdb              redis.UniversalClient
	stream, consumer string
}

// create makes the group, from the first entry on, unless it is there; and the stream with it.
func (g group) create(ctx context.Context) error {
	err := g.rdb.XGroupCreateMkStream(ctx, g.stream, Group, "0").Err()
	if err != nil && !strings.Contains(err.Error(), "BUSYGROUP") {
		return fmt.Errorf("stream: group: %w", err)
	}
	return nil
}

// isGone reports whether the group is not there: somebody removed it or its stream, or flushed Redis. Older Redis wraps
// what a script ran into in words of its own.
func isGone(err error) bool {
	return err != nil && strings.Contains(err.Error(), "NOGROUP")
}

// await waits until there is something new, and takes one entry of it. It is the only command that waits at the server,
// and holds a connection meanwhile. A cancelled context is seen when the time is over.
func (g group) await(ctx context.Context, atMost time.Duration) ([]entry, error) {
	read, err := g.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: Group, Consumer: g.consumer, Streams: []string{g.stream, fromNew}, Count: 1, Block: max(atMost, time.Millisecond),
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("stream: await: %w", err)
	}
	var entries []entry
	for _, m := range read[0].Messages {
		entries = append(entries, entryOf(m))
	}
	return entries, nil
}

// read takes up to n entries, or about batchBytes of them, without waiting: new ones, or after an id those that the
// consumer holds already.
func (g group) read(ctx context.Context, from string, n int) ([]entry, error) {
	reply, err := readScript.Run(ctx, g.rdb, []string{g.stream}, Group, g.consumer, from, n, batchBytes).Slice()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("stream: read: %w", err)
	}
	return entriesOf(reply), nil
}

// takeOver makes entries the consumer's own that nobody acknowledged for so long, up to 500 after a cursor. It does not
// count as a delivery: reading them does.
func (g group) takeOver(ctx context.Context, idle time.Duration, cursor string) (taken int, next string, err error) {
	ids, next, err := g.rdb.XAutoClaimJustID(ctx, &redis.XAutoClaimArgs{
		Stream: g.stream, Group: Group, Consumer: g.consumer, MinIdle: idle, Start: cursor, Count: batchEntries,
	}).Result()
	if err != nil {
		return 0, cursor, fmt.Errorf("stream: take over: %w", err)
	}
	return len(ids), next, nil
}

// renew tells the group that the consumer is still at work on entries.
func (g group) renew(ctx context.Context, entries []entry) error {
	err := g.rdb.XClaimJustID(ctx, &redis.XClaimArgs{
		Stream: g.stream, Group: Group, Consumer: g.consumer, Messages: idsOf(entries),
	}).Err()
	if err != nil {
		return fmt.Errorf("stream: renew: %w", err)
	}
	return nil
}

// acknowledge says that entries were handled.
func (g group) acknowledge(ctx context.Context, entries []entry) error {
	if err := g.rdb.XAck(ctx, g.stream, Group, idsOf(entries)...).Err(); err != nil {
		return fmt.Errorf("stream: acknowledge: %w", err)
	}
	return nil
}

// remove acknowledges entries and deletes them from the stream.
func (g group) remove(ctx context.Context, entries []entry) error {
	ids := idsOf(entries)
	_, err := g.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.XAck(ctx, g.stream, Group, ids...)
		p.XDel(ctx, g.stream, ids...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("stream: remove: %w", err)
	}
	return nil
}

func idsOf(entries []entry) []string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	return ids
}
