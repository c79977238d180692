package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	masterName    = "main"
	watchers      = 3
	replicas      = 2
	failoverBound = 30 * time.Second
	syncedLine    = "MASTER <-> REPLICA sync: Finished with success"
)

// Sentinel is a master with two replicas, watched by three Sentinels of which two have to agree that it is down. They
// begin to find that out after one second without an answer.
type Sentinel struct {
	Master    string     // its name
	Sentinels []*Process //
	Servers   []*Process // the first one began as the master
	args      []string
}

// StartSentinel starts all of them for this test alone. It returns once the Sentinels know each other and the replicas,
// and the replicas have all that the master has. args are those of the servers; what they and the Sentinels share, such
// as a password, is set with both.
func StartSentinel(t testing.TB, args ...string) *Sentinel {
	t.Helper()
	s := &Sentinel{Master: masterName, args: append([]string{"--repl-diskless-sync-delay", "0"}, args...)}
	s.Servers = append(s.Servers, mustStart(t, &Process{args: s.args, ready: []string{readyLine}}))
	for range replicas {
		s.Servers = append(s.Servers, mustStart(t, s.replicaOf(&Process{}, s.Servers[0])))
	}
	s.startSentinels(t)
	return s
}

// replicaOf has a server be, when it starts, a replica of another.
func (s *Sentinel) replicaOf(p, master *Process) *Process {
	p.args = append([]string{"--replicaof", "127.0.0.1 " + master.port}, s.args...)
	p.ready = []string{readyLine, syncedLine}
	return p
}

// startSentinels starts them at the same time: each is ready once it has heard of the others.
func (s *Sentinel) startSentinels(t testing.TB) {
	t.Helper()
	logs := make([]*os.File, watchers)
	for i := range watchers {
		p := &Process{dir: t.TempDir()}
		s.Sentinels = append(s.Sentinels, p)
		var err error
		if p.port, err = freePort(); err != nil {
			t.Fatal(err)
		}
		p.Addr = "127.0.0.1:" + p.port
		if p.conf, err = s.configuration(p); err != nil {
			t.Fatal(err)
		}
		if logs[i], err = p.spawn(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.kill)
	}
	for i, p := range s.Sentinels {
		p.ready = []string{"+sentinel ", "+sentinel ", "+slave ", "+slave "}
		if err := p.await(logs[i]); err != nil {
			t.Fatal(err)
		}
		p.ready = []string{"Sentinel ID is"} // at a restart it knows them
	}
}

// configuration writes the file that a Sentinel keeps what it knows in.
func (s *Sentinel) configuration(p *Process) (string, error) {
	lines := []string{
		"bind 127.0.0.1", "dir " + p.dir, `logfile ""`,
		fmt.Sprintf("sentinel monitor %s 127.0.0.1 %s 2", s.Master, s.Servers[0].port),
		fmt.Sprintf("sentinel down-after-milliseconds %s 1000", s.Master),
		fmt.Sprintf("sentinel failover-timeout %s 5000", s.Master),
		fmt.Sprintf("sentinel parallel-syncs %s %d", s.Master, replicas),
	}
	path := filepath.Join(p.dir, "sentinel.conf")
	return path, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// URL is how the program is told of it.
func (s *Sentinel) URL() string {
	return "redis+sentinel://" + strings.Join(addresses(s.Sentinels), ",") + "/" + s.Master
}

func addresses(all []*Process) (addrs []string) {
	for _, p := range all {
		addrs = append(addrs, p.Addr)
	}
	return addrs
}

// Now returns the master that the Sentinels name at present.
func (s *Sentinel) Now(t testing.TB) *Process {
	t.Helper()
	for _, watcher := range s.Sentinels {
		if !watcher.answers() {
			continue
		}
		client := sentinelClient(watcher)
		addr, err := client.GetMasterAddrByName(context.Background(), s.Master).Result()
		client.Close()
		if err == nil {
			return find(t, s.Servers, net.JoinHostPort(addr[0], addr[1]))
		}
	}
	t.Fatal("no Sentinel names a master")
	return nil
}

func find(t testing.TB, all []*Process, addr string) *Process {
	t.Helper()
	for _, p := range all {
		if p.Addr == addr {
			return p
		}
	}
	t.Fatalf("%s is none of the servers", addr)
	return nil
}

// KillMaster kills the master, and returns it once all Sentinels that answer have named another one.
func (s *Sentinel) KillMaster(t testing.TB) *Process {
	t.Helper()
	master := s.Now(t)
	s.switched(t, master.Kill)
	return master
}

// Failover has the Sentinels make another server the master although the one that there is runs, as before its machine is
// maintained, and returns the former one.
func (s *Sentinel) Failover(t testing.TB) *Process {
	t.Helper()
	master := s.Now(t)
	s.switched(t, func() {
		client := sentinelClient(s.Sentinels[0])
		defer client.Close()
		for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			err := client.Failover(context.Background(), s.Master).Err()
			if err == nil {
				return
			}
			// Until it has asked the replicas of a new master how they are.
			if !redis.HasErrorPrefix(err, "NOGOODSLAVE") || time.Since(begun) > failoverBound {
				t.Fatal(err)
			}
		}
	})
	return master
}

// Promote kills all servers but one, which goes on if it was paused, and returns once that one is the master.
func (s *Sentinel) Promote(t testing.TB, only *Process) {
	t.Helper()
	s.switched(t, func() {
		for _, p := range s.Servers {
			if p != only {
				p.Kill()
			}
		}
		if only.paused {
			only.Resume(t)
		}
	})
}

// switched does something and waits until all Sentinels that answer say that the master is another one now.
func (s *Sentinel) switched(t testing.TB, by func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), failoverBound)
	defer cancel()
	var subs []*redis.PubSub
	for _, watcher := range s.Sentinels {
		if !watcher.answers() {
			continue
		}
		client := sentinelClient(watcher)
		defer client.Close()
		sub := client.Subscribe(ctx, "+switch-master")
		defer sub.Close()
		if _, err := sub.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		subs = append(subs, sub)
	}
	by()
	for _, sub := range subs {
		if _, err := sub.ReceiveMessage(ctx); err != nil {
			t.Fatalf("no new master: %v", err)
		}
	}
}

// Restart starts a server that was killed again, as a replica of the present master, and returns once it has all that
// the master has.
func (s *Sentinel) Restart(t testing.TB, p *Process) {
	t.Helper()
	p.kill()
	// What a replica was given at its start lies there. With that it would, now and then, go on from where it was.
	_ = os.Remove(filepath.Join(p.dir, "dump.rdb"))
	s.replicaOf(p, s.Now(t)).Restart(t)
}

func sentinelClient(p *Process) *redis.SentinelClient {
	return redis.NewSentinelClient(&redis.Options{Addr: p.Addr, DisableIdentity: true, ContextTimeoutEnabled: true})
}
