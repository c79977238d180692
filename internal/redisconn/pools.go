package redisconn

import (
	"sync"

	"github.com/redis/go-redis/v9"
)

// Pool is how some of the process' connections are used.
type Pool struct {
	Client string // "shared", or "asynq" for all of asynq's clients together
	redis.PoolStats
}

// Pools returns how the connections of all clients are used, and were.
func (c *Conn) Pools() []Pool {
	return []Pool{{"shared", *c.client.PoolStats()}, {"asynq", c.asynq.stats()}}
}

// made are the clients that were made for asynq, closed ones among them: what they counted is not to be uncounted.
type made struct {
	mu      sync.Mutex
	clients []redis.UniversalClient
}

func (m *made) add(client redis.UniversalClient) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients = append(m.clients, client)
}

func (m *made) stats() (sum redis.PoolStats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, client := range m.clients {
		s := client.PoolStats()
		sum.Hits += s.Hits
		sum.Misses += s.Misses
		sum.Timeouts += s.Timeouts
		sum.WaitCount += s.WaitCount
		sum.WaitDurationNs += s.WaitDurationNs
		sum.TotalConns += s.TotalConns
		sum.IdleConns += s.IdleConns
		sum.StaleConns += s.StaleConns
	}
	return sum
}
