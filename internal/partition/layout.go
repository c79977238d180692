package partition

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
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
	Version    int       // one more with each change; 0 where none is stored
	Again      bool      // the partitions of now had orders before, under a former layout of that number
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
	l.Version, _ = strconv.Atoi(v["version"])
	l.Again = v["again"] == "1"
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
