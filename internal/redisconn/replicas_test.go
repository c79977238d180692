package redisconn_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// set writes a key, and returns how the command ended and whether a replica has it.
func set(r *redisconn.Replicas, key string) (done, sure error) {
	var cmd *redis.StatusCmd
	sure = r.Pipelined(context.Background(), func(p redis.Pipeliner) { cmd = p.Set(context.Background(), key, "v", 0) })
	return cmd.Err(), sure
}

func TestReplicasOfACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 1)
	c := open(t, cluster.URL())
	for _, tag := range tags {
		r := redisconn.NewReplicas(c.Client(), tag+":seen", 2*time.Second)
		if done, sure := set(r, tag+":k"); done != nil || sure != nil {
			t.Errorf("%s: %v, %v", tag, done, sure)
		}
	}
	r := redisconn.NewReplicas(c.Client(), tags[0]+":seen", 2*time.Second)
	cluster.KillMaster(t, tags[0]) // the one that takes its place has no replica
	var done, sure error
	for late := time.Now().Add(20 * time.Second); time.Now().Before(late); time.Sleep(50 * time.Millisecond) {
		if done, sure = set(r, tags[0]+":k"); done == nil {
			break
		}
		if !redisconn.IsAway(sure) {
			t.Fatalf("%v, %v", done, sure)
		}
	}
	if _, alone := errors.AsType[*redisconn.NotReplicatedError](sure); done != nil || !alone {
		t.Errorf("%v, %v", done, sure)
	}
}

// TestReplicaIsWaitedForAfterReads: what was read may be what another connection wrote, and no replica may have that.
func TestReplicaIsWaitedForAfterReads(t *testing.T) {
	master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0", "--repl-timeout", "3600")
	replica := redistest.StartReplica(t, master)
	rdb := redistest.Client(t, master.Addr)
	r := redisconn.NewReplicas(rdb, "{hpp}:seen", 300*time.Millisecond)
	read := func() error {
		return r.Pipelined(context.Background(), func(p redis.Pipeliner) { p.Get(context.Background(), "k") })
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	replica.Pause(t)
	redistest.Client(t, master.Addr).Set(context.Background(), "k", "v", 0)
	_, alone := errors.AsType[*redisconn.NotReplicatedError](read())
	if !alone {
		t.Error("what no replica has was believed")
	}
	begun := time.Now()
	if err := read(); err == nil || time.Since(begun) > 250*time.Millisecond {
		t.Errorf("the second one waited for %v: %v", time.Since(begun), err)
	}
}
