package redisconn

import (
	"context"
	"strconv"
)

// Memory is how much memory Redis uses. Zero means that it does not say, or for Max that it has no bound of its own.
type Memory struct{ Used, Max int64 } // in bytes

// Memory asks Redis for its use of memory. The embedded Redis does not say, nor does one whose user may not ask.
func (c *Conn) Memory(ctx context.Context) (Memory, error) {
	if c.embedded != nil {
		return Memory{}, nil
	}
	text, err := c.client.Info(ctx, "memory").Result()
	if refused(err) {
		return Memory{}, nil
	}
	if err != nil {
		return Memory{}, c.target.explain(err)
	}
	info := map[string]string{}
	readInfo(info, text)
	bytes := func(name string) int64 {
		n, _ := strconv.ParseInt(info[name], 10, 64)
		return n
	}
	return Memory{Used: bytes("used_memory"), Max: bytes("maxmemory")}, nil
}
