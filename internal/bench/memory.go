package bench

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/redis/go-redis/v9"
)

const (
	openKeys    = "bytes_open"
	settledKeys = "bytes_settled"
)

var memoryMetrics = []metric{
	{openKeys, "bytes, open", 0, false},
	{settledKeys, "bytes, settled", 0, false},
}

// memory adds up what Redis keeps for an order, by kind of key.
func (b *Bench) memory(ctx context.Context) error {
	n := cmp.Or(b.options.Orders, b.size(5000, 20_000))
	file, err := b.ordersFile(n)
	if err != nil {
		return err
	}
	payload, err := averageLine(file, n)
	if err != nil {
		return err
	}
	t := &list{title: fmt.Sprintf("Redis' memory for each of %s orders of %d bytes, by kind of key", thousands(float64(n), 0), payload), metrics: memoryMetrics}
	for _, of := range b.contenders(Plain, Hpplink) {
		byKind, err := b.memoryOf(ctx, of, n)
		if err != nil {
			return fmt.Errorf("%s: %w", of.name, err)
		}
		for _, kind := range slices.Sorted(maps.Keys(byKind)) {
			s := Sample{Measurement: "memory", Case: kind, Contender: of.name, Round: 1, Values: byKind[kind]}
			t.add(s)
			if err := b.record(s); err != nil {
				return err
			}
		}
	}
	return t.print(b.options.Table)
}

// memoryOf looks before a worker starts and after it has ended.
func (b *Bench) memoryOf(ctx context.Context, of contender, n int) (map[string]map[string]float64, error) {
	l, err := b.newLab(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer l.close()
	d := drainRun{lab: l, of: of, n: n}
	byKind := map[string]map[string]float64{}
	look := func(when string) error {
		sums, err := l.redis.memoryByKind(ctx)
		for kind, bytes := range sums {
			if share := float64(bytes) / float64(n); share >= 1 {
				if byKind[kind] == nil {
					byKind[kind] = map[string]float64{}
				}
				byKind[kind][when] = share
			}
		}
		return err
	}
	if err := d.enqueue(ctx); err != nil {
		return nil, err
	}
	if err := look(openKeys); err != nil {
		return nil, err
	}
	if err := d.work(ctx, 100); err != nil {
		return nil, err
	}
	if err := d.end(ctx); err != nil {
		return nil, err
	}
	return byKind, look(settledKeys)
}

// memoryByKind adds up MEMORY USAGE over all keys.
func (s *server) memoryByKind(ctx context.Context) (map[string]int64, error) {
	sums := map[string]int64{}
	for cursor := uint64(0); ; {
		keys, next, err := s.rdb.Scan(ctx, cursor, "*", 1000).Result()
		if err != nil {
			return nil, err
		}
		sizes := make([]*redis.IntCmd, len(keys))
		_, err = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, key := range keys {
				sizes[i] = p.MemoryUsage(ctx, key, 0)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for i, key := range keys {
			sums[kindOf(key)] += sizes[i].Val()
		}
		if cursor = next; cursor == 0 {
			return sums, nil
		}
	}
}

var ofOneOrder = regexp.MustCompile(`[0-9]{8}-BENCH.*|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}`)

// kindOf is a key without what tells orders and tasks apart.
func kindOf(key string) string { return ofOneOrder.ReplaceAllString(key, "*") }
