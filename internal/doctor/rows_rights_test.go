package doctor_test

import (
	"context"
	"testing"

	"github.com/hpplink/hpplink/internal/redistest"
)

var rightsRows = []row{
	{"commands that the user may not use", func(t *testing.T, s *scene) { user(t, s, "~*", "&*", "+@all", "-xautoclaim", "-evalsha", "-rpoplpush") }, []string{
		"MEND rights: the user may not use commands that are needed: evalsha, xautoclaim, rpoplpush → ACL SETUSER … +evalsha +xautoclaim +rpoplpush",
	}, 1},
	{"channels that the user may not use", func(t *testing.T, s *scene) { user(t, s, "~*", "resetchannels", "+@all") }, []string{
		"MEND rights: the user may not use channels that are needed: idle workers would see new orders late → ACL SETUSER … &{hpp}:* &asynq:*",
	}, 1},
	{"keys of asynq that the user may not use", func(t *testing.T, s *scene) { user(t, s, "~{hpp}:*", "&*", "+@all") }, []string{
		"MEND rights: the user may not use keys that are needed → ACL SETUSER … ~{hpp}:* ~asynq:*",
		"MEND queues: reading the sizes of queues: NOPERM {…} → let the user do it: see its rights",
		"MEND queues: reading the names of queues: NOPERM {…} → let the user do it: see its rights",
	}, 1},
	{"a user who may do no transactions", func(t *testing.T, s *scene) { user(t, s, "~*", "&*", "+@all", "-multi") }, []string{
		"MEND rights: the user may not use MULTI, which is needed → ACL SETUSER … +multi, and run this again: the rest could not be looked at",
	}, 1},
	{"rights that can not be told", func(t *testing.T, s *scene) {
		s.redis = between{to: s.redis, old: "+QUEUED", new: "+PONGED"}.listen(t)
		s.env["REDIS"] = "redis://" + s.redis
	}, []string{"note rights: what the user may do could not be found out (transactions are not kept) → look yourself with ACL GETUSER"}, 0},
	{"a user who may not end transactions", func(t *testing.T, s *scene) { user(t, s, "~*", "&*", "+@all", "-exec") }, []string{
		"MEND rights: the user may not use commands that are needed: exec → ACL SETUSER … +exec",
	}, 1},
	{"INFO and CONFIG that the user may not use", func(t *testing.T, s *scene) { user(t, s, "~*", "&*", "+@all", "-info", "-config") }, []string{
		"note redis: {redis} does not tell its version or its maxmemory-policy → make sure of 6.2 or later and of maxmemory-policy noeviction",
		"MEND persistence: Redis does not tell whether it writes an append-only file → make sure of appendonly yes",
		"MEND rights: the user may not use commands that are needed: info → ACL SETUSER … +info",
	}, 1},
	{"WAIT that the user may not use", func(t *testing.T, s *scene) {
		p := user(t, s, "~*", "&*", "+@all", "-wait")
		redistest.StartReplica(t, p)
		redistest.StartReplica(t, p)
		s.env["DURABILITY"] = "replica"
	}, []string{
		"note replicas: Redis takes orders also while no replica has them: a failover loses what its replicas (2) do not have yet → set min-replicas-to-write 1 and min-replicas-max-lag 10",
		"MEND rights: the user may not use commands that are needed: wait → ACL SETUSER … +wait",
	}, 1},
	{"replicas that the user may not ask for", func(t *testing.T, s *scene) {
		user(t, s, "~*", "&*", "+@all", "-info")
		s.env["DURABILITY"] = "replica"
	}, []string{
		"note redis: {redis} does not tell its version or its maxmemory-policy → make sure of 6.2 or later and of maxmemory-policy noeviction",
		"MEND persistence: Redis does not tell whether it writes an append-only file → make sure of appendonly yes",
		"MEND durability: --durability=replica: Redis does not tell which replicas it has, so no order can be acknowledged → ACL SETUSER … +info",
		"MEND rights: the user may not use commands that are needed: info → ACL SETUSER … +info",
	}, 1},
	{"commands that Redis does not know", func(t *testing.T, s *scene) { s.own(t, "--rename-command", "XAUTOCLAIM", "") }, []string{
		"MEND rights: Redis does not know commands that are needed: xautoclaim → take rename-command out of its settings, or use another Redis",
	}, 1},
}

// user has the scene use a Redis as a user with these rules.
func user(t *testing.T, s *scene, rules ...string) *redistest.Process {
	p := s.own(t, "--repl-diskless-sync-delay", "0")
	rules = append([]string{"on", ">" + redisPassword}, rules...)
	if err := redistest.Client(t, p.Addr).ACLSetUser(context.Background(), "worker", rules...).Err(); err != nil {
		t.Fatal(err)
	}
	s.env["REDIS"] = "redis://worker:" + redisPassword + "@" + p.Addr
	return p
}
