package redisconn

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRoster has replicas come and go, as a master tells of it.
func TestRoster(t *testing.T) {
	// says is what the master m tells when these are connected.
	says := func(master, replicas string) string {
		info := "# Replication\r\nrole:master\r\nslaves_waiting_psync:0\r\nmaster_replid:" + master + "\r\n"
		for i, name := range strings.Fields(replicas) {
			state := "online"
			if name, state, _ = strings.Cut(name, "/"); state == "" {
				state = "online"
			}
			info += fmt.Sprintf("slave%d:ip=%s,port=1,state=%s,offset=1,lag=0\r\n", i, name, state)
		}
		return info
	}
	type step struct {
		after            time.Duration
		master, replicas string
		need             int
		complete         bool
	}
	for name, steps := range map[string][]step{
		"none":                {{0, "m", "", 1, false}},
		"they come":           {{0, "m", "a", 1, true}, {1, "m", "a b", 2, true}, {1, "m", "a b c", 3, true}},
		"one is being filled": {{0, "m", "a b/send_bulk", 1, true}, {1, "m", "a b", 2, true}},
		"one leaves": {
			{0, "m", "a b", 2, true}, {time.Second, "m", "b", 2, false}, {HeldFor - time.Second, "m", "b", 2, false}, {2, "m", "b", 1, true},
		},
		"one is back":          {{0, "m", "a b", 2, true}, {HeldFor - 1, "m", "b", 2, false}, {1, "m", "a b", 2, true}, {HeldFor, "m", "b", 2, false}},
		"one has a new name":   {{0, "m", "a b", 2, true}, {1, "m", "b c", 3, false}, {HeldFor + 1, "m", "b c", 2, true}},
		"all leave":            {{0, "m", "a b", 2, true}, {HeldFor, "m", "", 2, false}, {1, "m", "", 1, false}},
		"one is the master":    {{0, "m", "a b", 2, true}, {1, "n", "", 1, false}, {1, "n", "b", 1, true}, {1, "n", "b m", 2, true}},
		"the former one again": {{0, "m", "a b", 2, true}, {1, "n", "b", 1, true}, {1, "m", "a", 1, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var r roster
			now := time.Now()
			for i, s := range steps {
				now = now.Add(s.after)
				r.take(says(s.master, s.replicas), now)
				if r.overdue(now) {
					r.giveUp(now)
				}
				if r.need() != s.need || r.complete() != s.complete {
					t.Errorf("step %d: %d have to acknowledge, complete %v; want %d, %v", i, r.need(), r.complete(), s.need, s.complete)
				}
			}
		})
	}
}
