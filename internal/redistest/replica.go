package redistest

import "testing"

// StartReplica starts a server for this test alone that is a replica of another, and returns once it has all that that one has. The
// other one is best started with "--repl-diskless-sync-delay", "0". After a Restart the replica has all again.
func StartReplica(t testing.TB, master *Process, args ...string) *Process {
	t.Helper()
	return mustStart(t, (&Sentinel{args: args}).replicaOf(&Process{}, master))
}
