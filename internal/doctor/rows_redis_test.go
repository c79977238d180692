package doctor_test

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hpplink/hpplink/internal/redistest"
)

var redisRows = []row{
	{"Redis evicts", func(t *testing.T, s *scene) { s.own(t, "--maxmemory-policy", "allkeys-lru") }, []string{
		"MEND redis: Redis at {redis} can not be used: its maxmemory-policy is allkeys-lru, so it throws orders away when memory is short → set maxmemory-policy noeviction",
	}, 2},
	{"Redis makes snapshots only", func(t *testing.T, s *scene) { s.own(t, "--appendonly", "no", "--save", "3600 1") }, []string{
		"MEND persistence: Redis writes snapshots only (save 3600 1): a crash of it loses all orders accepted since the last one → set appendonly yes",
	}, 1},
	{"Redis keeps nothing", func(t *testing.T, s *scene) { s.own(t, "--appendonly", "no") }, []string{
		"MEND persistence: Redis keeps nothing on disk: a restart of it loses every order → set appendonly yes",
	}, 1},
	{"Redis is inside the process", func(t *testing.T, s *scene) { s.env["REDIS"] = "embedded" }, []string{
		"MEND persistence: an embedded Redis forgets everything at the end of its process → give the address of a redis-server with appendonly yes",
	}, 1},
	{"appendfsync no", func(t *testing.T, s *scene) { s.own(t, "--appendfsync", "no") }, []string{
		"MEND persistence: appendfsync is no: a power failure loses the orders of half a minute → set appendfsync everysec",
	}, 1},
	{"no fsync while the file is rewritten", func(t *testing.T, s *scene) { s.own(t, "--no-appendfsync-on-rewrite", "yes") }, []string{
		"note persistence: while Redis rewrites its append-only file it does not have it on disk: a power failure then loses minutes of orders → set no-appendfsync-on-rewrite no",
	}, 0},
	{"Redis' disk is full", fullDisk, []string{
		"MEND disk: Redis at {redis} can not write its append-only file, and so takes no orders → look at the log of Redis, and make room on its disk",
	}, 1},
	{"a snapshot failed", failedSnapshot, []string{
		"MEND disk: the last snapshot of Redis at {redis} failed, and so it takes no orders → look at the log of Redis, and make room on its disk",
	}, 1},
	{"Redis is a replica", func(t *testing.T, s *scene) {
		master := s.own(t).Addr
		s.own(t, "--replicaof", "127.0.0.1 "+portOf(master))
		s.also("{master}", master)
	}, []string{"MEND redis: Redis at {redis} is a replica, which takes no orders → give the address of its master, {master}"}, 2},
	{"too few replicas", func(t *testing.T, s *scene) { s.own(t, "--min-replicas-to-write", "1") }, []string{
		"MEND replicas: Redis takes no orders: it has 0 of the 1 replicas that min-replicas-to-write wants → start them, or lower min-replicas-to-write",
	}, 1},
	{"a replica that nobody waits for", func(t *testing.T, s *scene) {
		master := s.own(t, "--repl-diskless-sync-delay", "0").Addr
		redistest.StartServer(t, "--replicaof", "127.0.0.1 "+portOf(master))
		await(t, "the replica", func() bool { return strings.Contains(info(t, master, "replication"), "state=online") })
	}, []string{
		"note replicas: Redis takes orders also while no replica has them: a failover loses what its replicas (1) do not have yet → set min-replicas-to-write 1 and min-replicas-max-lag 10",
	}, 0},
	{"no replica that could be waited for", func(t *testing.T, s *scene) {
		s.own(t)
		s.env["DURABILITY"] = "replica"
	}, []string{
		"MEND durability: --durability=replica, and Redis has no replica: no order is acknowledged and no link is published → give it two replicas, each on a machine of its own, or take --durability=replica away",
	}, 1},
	{"one replica to wait for", func(_ *testing.T, s *scene) { s.env["DURABILITY"] = "replica" }, []string{
		"note durability: --durability=replica, and Redis has one replica: while that restarts no order is acknowledged and no link is published → give it a second one, on a machine of its own",
	}, 0},
	{"no replica", func(t *testing.T, s *scene) { s.own(t) }, []string{
		"note replicas: Redis has no replica: if its machine is lost, so are all orders → give it a replica on another machine, and a Sentinel that makes it master",
	}, 0},
	{"timeout", func(t *testing.T, s *scene) { s.own(t, "--timeout", "5") }, []string{
		"note clients: Redis closes connections that are idle for 5s: each has to be made anew → set timeout 0",
	}, 0},
	{"the password is wrong", func(t *testing.T, s *scene) {
		s.env["REDIS"] = "redis://:" + redisPassword + "-not@" + s.own(t, "--requirepass", redisPassword).Addr
	}, []string{"MEND redis: Redis at {redis} refuses the user name or password → correct them in --redis / HPPLINK_REDIS"}, 2},
	{"there is a password, and none is given", func(t *testing.T, s *scene) { s.own(t, "--requirepass", redisPassword) }, []string{
		"MEND redis: Redis at {redis} refuses the user name or password → correct them in --redis / HPPLINK_REDIS",
	}, 2},
	{"Redis is open to the network", func(t *testing.T, s *scene) { s.env["REDIS"] = "redis://0.0.0.0:" + portOf(s.redis) }, []string{
		"MEND access: Redis at 0.0.0.0:{port} asks for no password: who reaches it reads and changes all orders → set requirepass, or a user by ACL, and give it in the URL: redis://user:password@host",
		"note access: the way to Redis at 0.0.0.0:{port} is not encrypted → use rediss:// unless the network between is your own",
	}, 1},
	{"Redis' certificate is not looked at", func(t *testing.T, s *scene) {
		tlsRedis(t, s, stranger)
		s.env["REDIS"] = "rediss://:" + redisPassword + "@0.0.0.0:" + portOf(s.redis) + "?skip_verify=true"
	}, []string{"MEND access: the certificate of Redis at 0.0.0.0:{port} is not looked at: who is in between reads all orders → take skip_verify off the URL"}, 1},
	{"Redis' certificate has expired", func(t *testing.T, s *scene) { tlsRedis(t, s, expired) }, []string{
		"MEND redis: the TLS certificate of Redis at {redis} ended on " + lastDay + " → renew it",
	}, 3},
	{"Redis' certificate is for another host", func(t *testing.T, s *scene) { tlsRedis(t, s, foreign) }, []string{
		`MEND redis: the TLS certificate of Redis at {redis} is not for "127.0.0.1" but for other.example → correct the host in its URL, or have a certificate made for it`,
	}, 3},
	{"Redis' certificate is of a stranger", func(t *testing.T, s *scene) { tlsRedis(t, s, stranger) }, []string{
		"MEND redis: the TLS certificate of Redis at {redis} is of an authority that this machine does not know → install the package ca-certificates, or name a file with the authority's certificate in SSL_CERT_FILE",
	}, 3},
	{"Redis' certificate ends soon", func(t *testing.T, s *scene) { tlsRedis(t, s, ending) }, []string{
		"MEND certificate: the TLS certificate of Redis at {redis} ends on {end}, in 3 days → have it renewed, and see why it does not renew itself",
	}, 1},
	{"Redis speaks no TLS", func(t *testing.T, s *scene) { s.env["REDIS"] = "rediss://" + s.redis + "?dial_timeout=300ms" }, []string{
		"MEND redis: Redis at {redis} does not answer (no answer in time) → start it, or set --redis / HPPLINK_REDIS: redis:// if it speaks no TLS",
	}, 3},
	{"Redis wants TLS", func(t *testing.T, s *scene) {
		tlsRedis(t, s, sound)
		s.env["REDIS"] = "redis://" + s.redis
	}, []string{
		"MEND redis: Redis at {redis} does not answer (it closed the connection) → start it, or set --redis / HPPLINK_REDIS: rediss:// if it wants TLS",
	}, 3},
	{"a snapshot that others made failed", func(t *testing.T, s *scene) {
		failedSnapshot(t, s)
		redistest.Client(t, s.redis).ConfigSet(context.Background(), "stop-writes-on-bgsave-error", "no")
	}, []string{"MEND disk: the last snapshot of Redis failed → look at the log of Redis, and make room on its disk"}, 1},
	{"Redis is away", func(t *testing.T, s *scene) { s.own(t).Kill() }, []string{
		"MEND redis: Redis at {redis} does not answer (connection refused) → start it, or set --redis / HPPLINK_REDIS",
	}, 3},
	{"one node of a cluster", func(t *testing.T, s *scene) { s.own(t, "--cluster-enabled", "yes") }, []string{
		"MEND redis: Redis at {redis} is one node of a cluster, and holds only some of the keys → give it as redis+cluster://…",
	}, 2},
	{"Redis is too old", func(t *testing.T, s *scene) {
		s.redis = between{to: s.redis, old: "redis_version:7.0.", new: "redis_version:6.0."}.listen(t)
		s.env["REDIS"] = "redis://" + s.redis
		s.also("{version}", "6.0."+strings.TrimPrefix(versionOf(t), "7.0."))
	}, []string{"MEND redis: Redis at {redis} can not be used: its version is {version} → 6.2 or later is needed"}, 2},
	{"Redis is full", func(t *testing.T, s *scene) { s.own(t, "--maxmemory", "2mb", "--maxclients", "200") }, []string{
		"MEND memory: Redis uses {size} of 2.0 MiB: there is room for some {n} more open orders → raise maxmemory, shorten HPPLINK_RETENTION, or discard failed orders that nobody wants",
	}, 1},
	{"Redis is nearly full", func(t *testing.T, s *scene) {
		p := s.own(t, "--maxmemory", "400mb")
		redistest.Client(t, p.Addr).SetRange(context.Background(), "large", 300<<20, "x")
	}, []string{
		"note memory: Redis uses {size} of 400.0 MiB: there is room for some {n} more open orders → raise maxmemory, shorten HPPLINK_RETENTION, or discard failed orders that nobody wants",
	}, 0},
	{"no maxmemory", func(t *testing.T, s *scene) { s.own(t, "--maxmemory", "0") }, []string{
		"note memory: Redis has no maxmemory: short of memory it is killed, rather than that it refuses orders → set maxmemory to what it may have, such as {size}",
	}, 0},
	{"one merchant could fill Redis", func(t *testing.T, s *scene) { s.own(t, "--maxmemory", "64mb") }, []string{
		"note memory: M-1001 may have 100000 orders open, which do not fit into 64.0 MiB: Redis would refuse everybody's orders first → lower its max_open / HPPLINK_MAX_OPEN to {n} or less, or raise maxmemory",
	}, 0},
	{"too few connections", func(t *testing.T, s *scene) { s.own(t, "--maxclients", "60") }, []string{
		"MEND clients: Redis takes 60 connections and has {n}: a process of hpplink may open 100 → raise maxclients",
	}, 1},
	{"Redis is far away", func(t *testing.T, s *scene) { far(t, s, 15*time.Millisecond) }, []string{
		"note speed: Redis answers within {time} (median), {time} (slowest of {n}) → run hpplink in the network of Redis; each link takes several answers",
	}, 0},
	{"Redis is very far away", func(t *testing.T, s *scene) { far(t, s, 110*time.Millisecond) }, []string{
		"MEND speed: Redis answers within {time} (median), {time} (slowest of {n}) → run hpplink in the network of Redis; each link takes several answers",
	}, 1},
	{"the clocks differ", func(t *testing.T, s *scene) {
		s.redis = between{to: s.redis, old: "*2\r\n$10\r\n1", new: "*2\r\n$10\r\n2"}.listen(t)
		s.env["REDIS"] = "redis://" + s.redis
	}, []string{
		"MEND clock: this machine's clock and that of Redis are {time} apart: retries come that much early or late, and from 30 s on tasks are run twice → run a time service (chrony, systemd-timesyncd) on both",
	}, 1},
	{"no Redis URL", func(t *testing.T, s *scene) { s.env["REDIS"] = "mysql://" + redisPassword }, []string{
		"MEND redis: the Redis URL has an unknown scheme{…}",
	}, 2},
}

func versionOf(t *testing.T) string {
	_, after, _ := strings.Cut(info(t, redistest.Server(t), "server"), "redis_version:")
	version, _, _ := strings.Cut(after, "\r\n")
	return version
}

// far puts a network between.
func far(t *testing.T, s *scene, late time.Duration) {
	s.redis = between{to: s.redis, late: late}.listen(t)
	s.env["REDIS"] = "redis://" + s.redis
}

// tlsRedis gives the scene a Redis that speaks TLS.
func tlsRedis(t *testing.T, s *scene, f flaw) {
	cert, key := certificateFiles(t, f)
	p := s.own(t, "--tls-port", "0", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no", "--requirepass", redisPassword)
	s.env["REDIS"] = "rediss://:" + redisPassword + "@" + p.Addr
	_, end := certificate(t, f)
	s.also("{end}", end)
}

// fullDisk has Redis meet the end of its disk: files may not grow beyond some bytes.
func fullDisk(t *testing.T, s *scene) {
	signal.Ignore(syscall.SIGXFSZ) // which Redis inherits
	defer signal.Reset(syscall.SIGXFSZ)
	p := s.own(t)
	if err := unix.Prlimit(p.PID, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 10, Max: 1 << 10}, nil); err != nil {
		t.Fatal(err)
	}
	rdb := redistest.Client(t, p.Addr)
	await(t, "a failed write", func() bool {
		rdb.Set(context.Background(), "k", strings.Repeat("v", 4<<10), 0)
		return strings.Contains(info(t, p.Addr, "persistence"), "aof_last_write_status:err")
	})
}

// failedSnapshot takes Redis' folder away.
func failedSnapshot(t *testing.T, s *scene) {
	folder := t.TempDir()
	p := s.own(t, "--dir", folder, "--save", "3600 1")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	redistest.Client(t, p.Addr).BgSave(context.Background())
	await(t, "a failed snapshot", func() bool { return strings.Contains(info(t, p.Addr, "persistence"), "rdb_last_bgsave_status:err") })
}
