package redistest_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redistest"
)

func TestSentinel(t *testing.T) {
	ctx := context.Background()
	s := redistest.StartSentinel(t)
	first := s.Now(t)
	if first != s.Servers[0] {
		t.Errorf("the master is %s", first.Addr)
	}
	rdb := redistest.Client(t, first.Addr)
	if err := rdb.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n := rdb.Wait(ctx, 2, 0).Val(); n != 2 {
		t.Errorf("%d replicas have it", n)
	}
	if killed := s.KillMaster(t); killed != first {
		t.Errorf("killed %s", killed.Addr)
	}
	second := s.Now(t)
	if v := redistest.Client(t, second.Addr).Get(ctx, "k").Val(); second == first || v != "v" {
		t.Errorf("the master is %s and has %q", second.Addr, v)
	}
	s.Restart(t, first)
	if former := s.Failover(t); former != second || s.Now(t) == second {
		t.Errorf("the master was %s, and is %s", former.Addr, s.Now(t).Addr)
	}
}

func TestCluster(t *testing.T) {
	ctx := context.Background()
	c := redistest.StartCluster(t, 3, 1)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{c.Nodes[0].Addr}})
	defer rdb.Close()
	for _, key := range []string{"a", "b", "c"} { // of three masters
		if err := rdb.Set(ctx, key, "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	master := c.MasterOf(t, "a")
	a := redistest.Client(t, master.Addr)
	if c.MasterOf(t, "b") == master || c.MasterOf(t, "c") == master {
		t.Error("the slots are not shared")
	}
	if a.Set(ctx, "a", "replicated", 0); a.Wait(ctx, 1, 0).Val() != 1 {
		t.Error("no replica has it")
	}
	if killed := c.KillMaster(t, "a"); killed != master || c.MasterOf(t, "a") == master {
		t.Errorf("killed %s, and %s took its place", killed.Addr, c.MasterOf(t, "a").Addr)
	}
	if v := redistest.Client(t, c.MasterOf(t, "a").Addr).Get(ctx, "a").Val(); v != "replicated" {
		t.Errorf("the new master has %q", v)
	}
	master.Restart(t)
}
