package redistest

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// StartReplica starts a server for this test alone that is a replica of another, and returns once it acknowledges what that one
// does. The other one is best started with "--repl-diskless-sync-delay", "0", and, where the replica is paused, with
// "--repl-timeout", "3600".
func StartReplica(t testing.TB, master *Process, args ...string) *Process {
	t.Helper()
	replica := mustStart(t, (&Sentinel{args: args}).replicaOf(&Process{}, master))
	rdb := newClient(master.Addr)
	defer rdb.Close()
	awaitOnline(t, rdb, replica.port)
	// It has all, and the master does not count on it before its first word.
	if err := rdb.Publish(context.Background(), "nobody", "").Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := rdb.Wait(context.Background(), 1, startBound).Result(); err != nil || n == 0 {
		t.Fatalf("the replica does not acknowledge: %v", err)
	}
	return replica
}

// awaitOnline waits until the master counts on the replica of a port: WAIT may be answered by another one.
func awaitOnline(t testing.TB, master *redis.Client, port string) {
	t.Helper()
	online := regexp.MustCompile(`slave\d+:.*\bport=` + port + `,state=online`)
	for end := time.Now().Add(startBound); ; time.Sleep(5 * time.Millisecond) {
		info, err := master.Info(context.Background(), "replication").Result()
		if err == nil && online.MatchString(info) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the replica is not online: %v\n%s", err, info)
		}
	}
}
