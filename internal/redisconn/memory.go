package redisconn

import (
	"context"
	"strconv"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Memory is how much memory Redis uses. Zero means that it does not say, or for Max that it has no bound of its own.
type Memory struct{ Used, Max int64 } // in bytes

// Memory asks Redis for its use of memory; in a cluster, that of the master that is fullest. The embedded Redis does not
// say, nor does one whose user may not ask.
func (c *Conn) Memory(ctx context.Context) (Memory, error) {
	if c.embedded != nil {
		return Memory{}, nil
	}
	var mu sync.Mutex
	var fullest Memory
	err := c.eachMaster(ctx, func(ctx context.Context, master redis.Cmdable, _ string) error {
		text, err := master.Info(ctx, "memory").Result()
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if m := memoryOf(text); m.fuller(fullest) {
			fullest = m
		}
		return nil
	})
	if refused(err) {
		return Memory{}, nil
	}
	if err != nil {
		return Memory{}, c.target.explain(err)
	}
	return fullest, nil
}

func memoryOf(text string) Memory {
	info := map[string]string{}
	readInfo(info, text)
	bytes := func(name string) int64 {
		n, _ := strconv.ParseInt(info[name], 10, 64)
		return n
	}
	return Memory{Used: bytes("used_memory"), Max: bytes("maxmemory")}
}

// fuller compares shares of the bound, where both have one.
func (m Memory) fuller(than Memory) bool {
	if m.Max > 0 && than.Max > 0 {
		return float64(m.Used)/float64(m.Max) > float64(than.Used)/float64(than.Max)
	}
	return m.Used > than.Used
}
