package redisconn_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
)

func TestPoolsOfAllClients(t *testing.T) {
	c := open(t, "redis://"+redistest.Mini(t).Addr())
	ctx := context.Background()
	for range 2 {
		client := c.AsynqOpt().MakeRedisClient().(redis.UniversalClient)
		for range 3 {
			if err := client.Ping(ctx).Err(); err != nil {
				t.Fatal(err)
			}
		}
		client.Close()
	}
	all := c.Pools()
	if len(all) != 2 || all[0].Client != "shared" || all[1].Client != "asynq" {
		t.Fatalf("%+v", all)
	}
	if all[0].Misses != 1 || all[0].TotalConns != 1 {
		t.Errorf("the shared client made one connection: %+v", all[0])
	}
	if all[1].Hits+all[1].Misses != 6 || all[1].Misses != 2 || all[1].TotalConns != 0 {
		t.Errorf("two clients that are closed made three calls each: %+v", all[1])
	}
}

func TestMemory(t *testing.T) {
	server := redistest.StartServer(t, "--maxmemory", "50mb")
	m, err := open(t, "redis://"+server.Addr).Memory(context.Background())
	if err != nil || m.Max != 50<<20 || m.Used < 100_000 || m.Used > 50<<20 {
		t.Errorf("%+v %v", m, err)
	}
	for _, url := range []string{"embedded", "redis://" + redistest.Mini(t).Addr()} {
		if m, err := open(t, url).Memory(context.Background()); err != nil || m.Max != 0 {
			t.Errorf("%s: %+v %v", url, m, err)
		}
	}
	away := open(t, "redis://"+server.Addr)
	server.Kill()
	if _, err := away.Memory(context.Background()); err == nil {
		t.Error("no error of a Redis that is gone")
	}
}
