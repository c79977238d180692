package redisconn

import (
	"net"
	"strings"
	"sync"
	"time"
)

// HeldFor is how long a replica counts that its master lost. It may have left because it is the master now: Sentinels tell of that
// within some three seconds (they ask it each second, and tell each other every two), and until then the former master takes all
// that it is given, for whom it has left.
const HeldFor = 10 * time.Second

const replication = "replication" // the section of INFO

// roster is who may take a master's place: the replicas that are connected to it, and those that were a moment ago. Whatever each of
// them has, outlives the master. One that left for longer has an older state, and is promoted only where none of the others can be.
type roster struct {
	mu     sync.Mutex
	master string               // the id of its replication, which is a new one with each promotion
	seen   map[string]time.Time // the replicas, and when they were connected last
	now    int                  // how many were, the last time
}

// take learns from what a server says, and returns who it is and how many replicas have to acknowledge.
func (r *roster) take(info string, now time.Time) (master string, need int) {
	says := map[string]string{}
	readInfo(says, info)
	r.mu.Lock()
	defer r.mu.Unlock()
	if says["master_replid"] != r.master || r.seen == nil {
		r.master, r.seen = says["master_replid"], map[string]time.Time{}
	}
	r.now = 0
	for key, value := range says {
		if addr, online := replica(key, value); online {
			r.seen[addr] = now
			r.now++
		}
	}
	return r.master, r.needed()
}

// replica reads a line such as "slave0:ip=10.0.0.5,port=6379,state=online,offset=14,lag=1". One that is given the whole of the
// data first is not online, and nobody's choice.
func replica(key, value string) (addr string, online bool) {
	if n := strings.TrimPrefix(key, "slave"); n == key || strings.Trim(n, "0123456789") != "" {
		return "", false
	}
	says := map[string]string{}
	for part := range strings.SplitSeq(value, ",") {
		name, v, _ := strings.Cut(part, "=")
		says[name] = v
	}
	return net.JoinHostPort(says["ip"], says["port"]), says["state"] == "online"
}

// needed is one at least: where there is none, nothing outlives the master.
func (r *roster) needed() int { return max(1, len(r.seen)) }

func (r *roster) need() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.needed()
}

// complete reports whether all that have to acknowledge were connected the last time.
func (r *roster) complete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now == r.needed()
}

// overdue reports whether somebody left so long ago that it does not count any more.
func (r *roster) overdue(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, last := range r.seen {
		if now.Sub(last) > HeldFor {
			return true
		}
	}
	return false
}

// giveUp forgets them.
func (r *roster) giveUp(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for addr, last := range r.seen {
		if now.Sub(last) > HeldFor {
			delete(r.seen, addr)
		}
	}
}
