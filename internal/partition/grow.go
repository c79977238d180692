package partition

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
)

// How the number of partitions changes while processes that know nothing of it take orders in.
//
// At any time there is one partition that takes an order which nobody knows, whoever asks: of the partitions that the order has had,
// all others are closed to new orders, or closed to those who go by a layout from before they were opened. So
//
//   - a layout is stored only once the one before it is settled: its former partitions closed, its own open;
//   - the former ones are closed before those of now are opened, since from then on it is these that take it;
//   - a partition is opened to those who go by the layout that opens it, or a later one: others do not know where orders went meanwhile;
//   - of two who change it at once, one begins anew.
//
// Whoever knows a layout that is not settled asks the former partitions first, and hands the order in there while they take it.

// RememberedError refuses to forget partitions: somebody would get a second link for an order that they still know.
type RememberedError struct{ Partition string }

func (e *RememberedError) Error() string {
	return fmt.Sprintf("partition %s still remembers orders: sent again after it is forgotten, they would get a second link", e.Partition)
}

// Grow has new orders go to n partitions. Those of the former ones are worked where they are, and known for as long as they are
// remembered. It is safe to repeat, and finishes what was interrupted. Fewer than before are allowed, too.
func Grow(ctx context.Context, rdb redis.UniversalClient, namespace string, n int) (Layout, error) {
	if err := check(n); err != nil {
		return Layout{}, err
	}
	return change(ctx, rdb, namespace, func(l Layout) (Layout, bool, error) {
		if n == l.Partitions {
			return l, false, nil
		}
		same := func(f int) bool { return f == n || f == l.Partitions }
		next := Layout{Partitions: n, Since: time.Now(), Again: slices.Contains(l.Former, n)}
		next.Former = append([]int{l.Partitions}, slices.DeleteFunc(slices.Clone(l.Former), same)...)
		return next, true, nil
	})
}

// Forget ends the look-ups in partitions of a former number. The error is a *RememberedError while one of them knows an order.
func Forget(ctx context.Context, rdb redis.UniversalClient, namespace string, n int) (Layout, error) {
	return change(ctx, rdb, namespace, func(l Layout) (Layout, bool, error) {
		if !slices.Contains(l.Former, n) {
			return l, false, nil
		}
		for _, name := range Names(namespace, n) {
			known, err := remembers(ctx, rdb, name)
			if err != nil {
				return l, false, fmt.Errorf("partitions: forget: %w", err)
			}
			if known {
				return l, false, &RememberedError{name}
			}
		}
		l.Former = slices.DeleteFunc(slices.Clone(l.Former), func(f int) bool { return f == n })
		return l, true, nil
	})
}

// change stores what next makes of a layout that is settled, and settles that.
func change(ctx context.Context, rdb redis.UniversalClient, namespace string, next func(Layout) (Layout, bool, error)) (Layout, error) {
	for {
		l, err := Look(ctx, rdb, namespace)
		if err == nil {
			err = l.settle(ctx, rdb, namespace)
		}
		if err != nil {
			return l, err
		}
		to, changes, err := next(l)
		if err != nil || !changes {
			return l, err
		}
		to.Version = l.Version + 1
		stored, err := store(ctx, rdb, namespace, to)
		if err != nil {
			return l, err
		}
		if stored {
			return to, to.settle(ctx, rdb, namespace)
		}
	}
}

var storeScript = redis.NewScript(`
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'partitions', ARGV[3], 'former', ARGV[4], 'since', ARGV[5], 'again', ARGV[6])
return 1`)

// store stores a layout in the place of the one before it, and reports false where another has taken that.
func store(ctx context.Context, rdb redis.UniversalClient, namespace string, l Layout) (bool, error) {
	former := make([]string, len(l.Former))
	for i, n := range l.Former {
		former[i] = strconv.Itoa(n)
	}
	again := 0
	if l.Again {
		again = 1
	}
	stored, err := storeScript.Run(ctx, rdb, []string{layoutKey(namespace)},
		l.Version-1, l.Version, l.Partitions, strings.Join(former, " "), l.Since.UnixMilli(), again).Bool()
	if err != nil {
		return false, fmt.Errorf("partitions: %w", err)
	}
	return stored, nil
}

// gateScript leaves alone what a later layout has set.
var gateScript = redis.NewScript(`
local version = string.match(redis.call('GET', KEYS[1]) or '', '^%a+ (%d+)$')
if version and tonumber(version) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
return 1`)

// settle has the former partitions take no new orders, and then those of now take them. Anybody may do it at any time: of a layout
// that is not stored any more it changes nothing.
func (l Layout) settle(ctx context.Context, rdb redis.UniversalClient, namespace string) error {
	if len(l.Former) == 0 && !l.Again {
		return nil // as Begin made it, or as it always was
	}
	for _, n := range l.Former {
		if err := l.gate(ctx, rdb, Names(namespace, n), "closed"); err != nil {
			return err
		}
	}
	return l.gate(ctx, rdb, Names(namespace, l.Partitions), "open")
}

func (l Layout) gate(ctx context.Context, rdb redis.UniversalClient, names []string, word string) error {
	for _, name := range names {
		if err := gateScript.Run(ctx, rdb, []string{ledger.NamespaceKeys(name).Moved()}, word, l.Version).Err(); err != nil {
			return fmt.Errorf("partitions: %w", err)
		}
	}
	return nil
}

// perScan is how many keys are looked at in one step.
const perScan = 5000

// remembers reports whether a partition knows an order. It looks through all keys of its master.
func remembers(ctx context.Context, rdb redis.UniversalClient, name string) (bool, error) {
	var node redis.Cmdable = rdb
	prefix := ledger.NamespaceKeys(name).Records()
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		master, err := cluster.MasterForKey(ctx, prefix)
		if err != nil {
			return false, err
		}
		node = master
	}
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, literal(prefix)+"*", perScan).Result()
		if err != nil || len(keys) > 0 {
			return len(keys) > 0, err
		}
		if cursor = next; cursor == 0 {
			return false, nil
		}
	}
}

// literal is a pattern that matches a text alone.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}
