package redistest

import (
	"context"
	"testing"
)

// StartReplica starts a server for this test alone that is a replica of another, and returns once it acknowledges what that one
// does. The other one is best started with "--repl-diskless-sync-delay", "0", and, where the replica is paused, with
// "--repl-timeout", "3600".
func StartReplica(t testing.TB, master *Process, args ...string) *Process {
	t.Helper()
	replica := mustStart(t, (&Sentinel{args: args}).replicaOf(&Process{}, master))
	rdb := newClient(master.Addr)
	defer rdb.Close()
	// It has all, and the master does not count on it before its first word.
	if err := rdb.Publish(context.Background(), "nobody", "").Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := rdb.Wait(context.Background(), 1, startBound).Result(); err != nil || n == 0 {
		t.Fatalf("the replica does not acknowledge: %v", err)
	}
	return replica
}
