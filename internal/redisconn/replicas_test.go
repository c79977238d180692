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
		r := redisconn.NewReplicas(c.Client(), c.Named(), tag+":seen", 2*time.Second)
		if done, sure := set(r, tag+":k"); done != nil || sure != nil {
			t.Errorf("%s: %v, %v", tag, done, sure)
		}
	}
	r := redisconn.NewReplicas(c.Client(), c.Named(), tags[0]+":seen", 2*time.Second)
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
	r := redisconn.NewReplicas(rdb, redisconn.Named{}, "{hpp}:seen", 300*time.Millisecond)
	read := func() error {
		return r.Pipelined(context.Background(), func(p redis.Pipeliner) { p.Get(context.Background(), "k") })
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	replica.Pause(t)
	redistest.Client(t, master.Addr).Set(context.Background(), "k", "v", 0)
	if err := read(); !unreplicated(err) {
		t.Errorf("what no replica has was believed: %v", err)
	}
	// The next ones are told so soon, all but one at a time, who gives it all the time there is.
	took := make(chan time.Duration, 5)
	begun := time.Now()
	for range cap(took) {
		go func() {
			_ = read()
			took <- time.Since(begun)
		}()
	}
	soon := 0
	for range cap(took) {
		if <-took < 250*time.Millisecond {
			soon++
		}
	}
	if soon != cap(took)-1 {
		t.Errorf("%d of %d were told soon", soon, cap(took))
	}
}

func unreplicated(err error) bool {
	_, is := errors.AsType[*redisconn.NotReplicatedError](err)
	return is
}

// TestEveryReplicaIsWaitedFor: of those that are connected, and of those that were a moment ago, each may be the next master.
func TestEveryReplicaIsWaitedFor(t *testing.T) {
	ctx := context.Background()
	master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0", "--repl-timeout", "3600")
	rdb := redistest.Client(t, master.Addr)
	r := redisconn.NewReplicas(rdb, redisconn.Named{}, "{hpp}:seen", 300*time.Millisecond)
	sure := func() error {
		_, err := set(r, "k")
		return err
	}
	if err := sure(); !unreplicated(err) {
		t.Errorf("without any: %v", err)
	}
	first := redistest.StartReplica(t, master)
	if err := sure(); err != nil {
		t.Errorf("with one: %v", err)
	}
	second := redistest.StartReplica(t, master) // of which nobody has heard
	second.Pause(t)
	if err := sure(); !unreplicated(err) {
		t.Errorf("a new one lags: %v", err)
	}
	second.Resume(t)
	eventually(t, func() bool { return sure() == nil })
	promoted := redistest.Client(t, first.Addr)
	if err := promoted.ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Look(ctx); err != nil {
			t.Fatal(err)
		}
		if err := sure(); !unreplicated(err) {
			t.Errorf("one left, and may be the master now: %v", err)
		}
	}
	if err := promoted.ReplicaOf(ctx, "127.0.0.1", master.Addr[len("127.0.0.1:"):]).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return sure() == nil })
}

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("it never came")
		}
	}
}
