package doctor

import (
	"errors"
	"strings"

	"github.com/hpplink/hpplink/internal/redisconn"
)

// shut says why Redis did not let us in.
func (r Redis) shut(err error) []Finding {
	s := about(redisGroup, "redis")
	var away *redisconn.UnreachableError
	var denied *redisconn.DeniedError
	var badURL *redisconn.URLError
	switch {
	case errors.As(err, &badURL):
		return []Finding{s.mend("", "%v", err).as(Settings)}
	case errors.As(err, &denied):
		return []Finding{s.mend("correct them in --redis / HPPLINK_REDIS", "Redis at %s refuses the user name or password", denied.Addr).as(Unusable)}
	case !errors.As(err, &away):
		return []Finding{s.mend("", "%v", err)}
	}
	if what, remedy, ok := untrusted(err, "Redis at "+away.Addr); ok {
		return []Finding{s.mend(remedy, "%s", what).as(Unreachable)}
	}
	if refusal, ok := refused(away); ok {
		return []Finding{refusal}
	}
	return []Finding{s.mend(r.reach(away), "Redis at %s does not answer (%s)", away.Addr, away.Reason).as(Unreachable)}
}

// refused knows answers by which a Redis that is there takes nothing from anybody, not even a PING.
func refused(away *redisconn.UnreachableError) (Finding, bool) {
	s, disk, said := about(redisGroup, "redis"), about(redisGroup, "disk"), away.Reason
	switch {
	case strings.HasPrefix(said, "MISCONF") && strings.Contains(said, "AOF"):
		return disk.mend(makeRoom, "Redis at %s can not write its append-only file, and so takes no orders", away.Addr), true
	case strings.HasPrefix(said, "MISCONF"):
		return disk.mend(makeRoom, "the last snapshot of Redis at %s failed, and so it takes no orders", away.Addr), true
	case strings.HasPrefix(said, "DENIED"):
		return s.mend("give it a password: requirepass, or a user by ACL", "Redis at %s lets in its own machine alone (protected-mode)", away.Addr).as(Unusable), true
	case strings.Contains(said, "max number of clients"):
		return s.mend("raise maxclients, or see who else is connected (CLIENT LIST)", "Redis at %s takes no more connections", away.Addr).as(Unreachable), true
	}
	return Finding{}, false
}

// reach is what to do so that Redis answers. One side that speaks TLS and one that does not wait for each other, or hang up.
func (r Redis) reach(away *redisconn.UnreachableError) string {
	const start = "start it, or set --redis / HPPLINK_REDIS"
	switch secure := strings.HasPrefix(r.URL, "rediss"); {
	case secure && away.Reason == "no answer in time":
		return start + ": redis:// if it speaks no TLS"
	case !secure && away.Reason == "it closed the connection":
		return start + ": rediss:// if it wants TLS"
	}
	return start
}
