package doctor

import (
	"strconv"
	"time"
)

const (
	// connections are those that a process with all roles and much to do may open.
	connections = 100
	// shortIdle is how long an unused connection should be left alone.
	shortIdle = 60 * time.Second
)

// clients says whether there is room for our connections.
func (n node) clients() (all []Finding) {
	s := about(redisGroup, "clients")
	most := n.number("maxclients")
	if most == 0 {
		most = n.setting("maxclients")
	}
	if idle := time.Duration(n.setting("timeout")) * time.Second; idle > 0 && idle < shortIdle {
		all = append(all, s.note("set timeout 0", "%s closes connections that are idle for %v: each has to be made anew", n.name, idle))
	}
	if turned := n.number("rejected_connections"); turned > 0 {
		all = append(all, s.note("raise maxclients", "%s has turned connections away since its start: %d", n.name, turned))
	}
	connected := n.number("connected_clients")
	switch {
	case most == 0:
		return all
	case most-connected < connections:
		return append(all, s.mend("raise maxclients", "%s takes %d connections and has %d: a process of hpplink may open %d", n.name, most, connected, connections))
	}
	return append(all, s.fine("%d of %d", connected, most))
}

const (
	slowScript = 5 * time.Millisecond
	slowFork   = 500 * time.Millisecond
)

// busy says what held Redis up since its start.
func (n node) busy() (all []Finding) {
	s := about(redisGroup, "speed")
	if fork := time.Duration(n.number("latest_fork_usec")) * time.Microsecond; fork > slowFork {
		all = append(all, s.note("turn transparent huge pages off, give it less memory, or a faster machine",
			"%s stood still for %v when it last forked, to write a file", n.name, fork.Round(time.Millisecond)))
	}
	stats := fields(n.info["cmdstat_evalsha"])
	calls, _ := strconv.Atoi(stats["calls"])
	each, _ := strconv.ParseFloat(stats["usec_per_call"], 64)
	if took := time.Duration(each * float64(time.Microsecond)); calls >= 100 && took > slowScript {
		all = append(all, s.note("see who else uses this Redis (SLOWLOG GET), and give hpplink one of its own",
			"scripts take %s %v each, in which nothing else is answered: those of hpplink take some 0.1 ms", n.name, took.Round(10*time.Microsecond)))
	}
	return all
}
