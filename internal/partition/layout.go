package partition

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
)

// Layout is how many partitions a namespace has. It is stored in Redis: all processes have to go by the same.
type Layout struct {
	Partitions int
	Former     []int     // numbers that it had before, the newest first: orders of those partitions are still known
	Since      time.Time // when it became so; zero if it always was
}

// ErrInUse refuses another number of partitions to a namespace that has orders, other than by Grow.
var ErrInUse = errors.New("the namespace is in use")

// OutOfBoundsError refuses a number of partitions that is none.
type OutOfBoundsError struct{ N int }

func (e *OutOfBoundsError) Error() string {
	return fmt.Sprintf("%d partitions: there may be 1 to %d", e.N, Most)
}

func check(n int) error {
	if n < 1 || n > Most {
		return &OutOfBoundsError{n}
	}
	return nil
}

func layoutKey(namespace string) string { return "{" + namespace + "}:partitions" }

// Look reads the layout of a namespace. One of which none is stored has one partition.
func Look(ctx context.Context, rdb redis.UniversalClient, namespace string) (Layout, error) {
	v, err := rdb.HGetAll(ctx, layoutKey(namespace)).Result()
	if err != nil {
		return Layout{}, fmt.Errorf("partitions: %w", err)
	}
	if len(v) == 0 {
		return Layout{Partitions: 1}, nil
	}
	l := Layout{}
	if l.Partitions, err = strconv.Atoi(v["partitions"]); err == nil {
		err = check(l.Partitions)
	}
	for _, text := range strings.Fields(v["former"]) {
		n, bad := strconv.Atoi(text)
		if err == nil {
			err = errors.Join(bad, check(n))
		}
		l.Former = append(l.Former, n)
	}
	if ms, _ := strconv.ParseInt(v["since"], 10, 64); ms > 0 {
		l.Since = time.UnixMilli(ms)
	}
	if err != nil {
		return Layout{}, fmt.Errorf("partitions: %s: %w", layoutKey(namespace), err)
	}
	return l, nil
}

//go:embed begin.lua
var beginLua string
var beginScript = redis.NewScript(beginLua)

// Begin has a namespace that was not used yet have n partitions. The error is ErrInUse if it was, and has another number.
func Begin(ctx context.Context, rdb redis.UniversalClient, namespace string, n int) error {
	if err := check(n); err != nil {
		return err
	}
	k := ledger.NamespaceKeys(namespace)
	keys := []string{layoutKey(namespace), k.Moved(), k.Results(), k.OpenOrders(), k.Outbox(), k.Failed(), k.BatchIndex()}
	begun, err := beginScript.Run(ctx, rdb, keys, n).Int()
	if err != nil {
		return fmt.Errorf("partitions: %w", err)
	}
	if begun == 0 {
		return fmt.Errorf("partitions: %w", ErrInUse)
	}
	return nil
}

// Grow has new orders go to n partitions. Those of the former ones are worked where they are, and known for as long as they are
// remembered. It is safe to repeat, and finishes what was interrupted. Fewer than before are allowed, too.
func Grow(ctx context.Context, rdb redis.UniversalClient, namespace string, n int) (Layout, error) {
	if err := check(n); err != nil {
		return Layout{}, err
	}
	l, err := Look(ctx, rdb, namespace)
	if err != nil {
		return l, err
	}
	if n != l.Partitions {
		l = Layout{Partitions: n, Former: append([]int{l.Partitions}, slices.DeleteFunc(l.Former, func(f int) bool { return f == n || f == l.Partitions })...), Since: time.Now()}
		if err := store(ctx, rdb, namespace, l); err != nil {
			return l, err
		}
	}
	return l, l.settle(ctx, rdb, namespace)
}

// Forget ends the look-ups in partitions of a former number. What they remember is not known any more from then on.
func Forget(ctx context.Context, rdb redis.UniversalClient, namespace string, n int) (Layout, error) {
	l, err := Look(ctx, rdb, namespace)
	if err != nil {
		return l, err
	}
	l.Former = slices.DeleteFunc(l.Former, func(f int) bool { return f == n })
	return l, store(ctx, rdb, namespace, l)
}

func store(ctx context.Context, rdb redis.UniversalClient, namespace string, l Layout) error {
	former := make([]string, len(l.Former))
	for i, n := range l.Former {
		former[i] = strconv.Itoa(n)
	}
	err := rdb.HSet(ctx, layoutKey(namespace), "partitions", l.Partitions, "former", strings.Join(former, " "), "since", l.Since.UnixMilli()).Err()
	if err != nil {
		return fmt.Errorf("partitions: %w", err)
	}
	return nil
}

// settle has the partitions of now take new orders, and the former ones none. Until that is done, processes that know the layout
// ask the former ones first, so that an order is taken in once, whichever it is that takes it.
func (l Layout) settle(ctx context.Context, rdb redis.UniversalClient, namespace string) error {
	for _, name := range Names(namespace, l.Partitions) {
		if err := rdb.Del(ctx, ledger.NamespaceKeys(name).Moved()).Err(); err != nil {
			return fmt.Errorf("partitions: %w", err)
		}
	}
	for _, n := range l.Former {
		for _, name := range Names(namespace, n) {
			if err := rdb.Set(ctx, ledger.NamespaceKeys(name).Moved(), l.Partitions, 0).Err(); err != nil {
				return fmt.Errorf("partitions: %w", err)
			}
		}
	}
	return nil
}
