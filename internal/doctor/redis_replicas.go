package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// lagging is how long a replica may be behind.
const lagging = 10 * time.Second

// replicas says what the loss of a server's machine would mean.
func (n node) replicas() (all []Finding) {
	s := about(redisGroup, "replicas")
	connected, least := n.number("connected_slaves"), n.setting("min-replicas-to-write")
	if _, told := n.info["connected_slaves"]; !told {
		return nil
	}
	if connected < least {
		return []Finding{s.mend("start them, or lower min-replicas-to-write",
			"%s takes no orders: it has %d of the %d replicas that min-replicas-to-write wants", n.name, connected, least)}
	}
	if connected == 0 {
		return []Finding{s.note("give it a replica on another machine, and a Sentinel that makes it master",
			"%s has no replica: if its machine is lost, so are all orders", n.name)}
	}
	for i := range connected {
		replica := fields(n.info[fmt.Sprint("slave", i)])
		behind, _ := strconv.Atoi(replica["lag"])
		if replica["state"] != "online" || time.Duration(behind)*time.Second > lagging {
			all = append(all, s.mend("look at its log and at the network between them",
				"a replica of %s, %s:%s, is %s, and %d s behind", n.name, replica["ip"], replica["port"], replica["state"], behind))
		}
	}
	if least == 0 && len(n.config) > 0 {
		return append(all, s.note("set min-replicas-to-write 1 and min-replicas-max-lag 10",
			"%s takes orders also while no replica has them: a failover loses what its replicas (%d) do not have yet", n.name, connected))
	}
	return append(all, s.fine("%d connected; orders are taken while at least %d of them keep up", connected, least))
}

// failsOver reports whether replicas take the place of the master that a URL names.
func failsOver(url string) bool {
	scheme, _, _ := strings.Cut(url, "://")
	return strings.HasSuffix(scheme, "+sentinel") || strings.HasSuffix(scheme, "+cluster")
}

// durability says what --durability means there.
func (n node) durability(replica, failsOver bool) []Finding {
	s := about(redisGroup, "durability")
	connected := n.number("connected_slaves")
	_, told := n.info["connected_slaves"]
	switch {
	case !replica && failsOver:
		return []Finding{s.note("--durability=replica rules that out",
			"--durability=master: of the orders that were acknowledged right before a failover some may be lost, and some links published again as others")}
	case !replica:
		return nil
	case !told:
		return []Finding{s.mend("ACL SETUSER … +info", "--durability=replica: %s does not tell which replicas it has, so no order can be acknowledged", n.name)}
	case connected == 0:
		return []Finding{s.mend("give it two replicas, each on a machine of its own, or take --durability=replica away",
			"--durability=replica, and %s has no replica: no order is acknowledged and no link is published", n.name)}
	case connected == 1:
		return []Finding{s.note("give it a second one, on a machine of its own",
			"--durability=replica, and %s has one replica: while that restarts no order is acknowledged and no link is published", n.name)}
	}
	return []Finding{s.fine("--durability=replica: orders are acknowledged and links published once all %d replicas have them", connected)}
}
