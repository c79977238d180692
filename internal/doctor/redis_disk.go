package doctor

import (
	"strings"

	"github.com/hpplink/hpplink/internal/redisconn"
)

// persistence says what a crash would lose.
func persistence(report redisconn.Report, config map[string]string) []Finding {
	s := about(redisGroup, "persistence")
	if report.Embedded {
		return []Finding{s.mend("give the address of a redis-server with appendonly yes", "%s", report.Loss())}
	}
	if loss := report.Loss(); loss != "" {
		what, remedy := parted(loss)
		return []Finding{s.mend(remedy, "%s", what)}
	}
	all := []Finding{}
	if config["no-appendfsync-on-rewrite"] == "yes" {
		all = append(all, s.note("set no-appendfsync-on-rewrite no", "while Redis rewrites its append-only file it does not have it on disk: a power failure then loses minutes of orders"))
	}
	switch config["appendfsync"] {
	case "no":
		return append(all, s.mend("set appendfsync everysec", "appendfsync is no: a power failure loses the orders of half a minute"))
	case "always":
		return append(all, s.fine("append-only file, appendfsync always: nothing that was accepted is lost"))
	case "everysec":
		return append(all, s.fine("append-only file, appendfsync everysec: a power failure loses the last second"))
	}
	return append(all, s.fine("append-only file; Redis does not tell how often it goes to disk"))
}

// parted takes the remedy off the end of a text.
func parted(text string) (what, remedy string) {
	for _, sep := range []string{"; ", ": "} {
		if i := strings.LastIndex(text, sep); i >= 0 {
			return text[:i], text[i+len(sep):]
		}
	}
	return text, ""
}

const makeRoom = "look at the log of Redis, and make room on its disk"

// disk says what could not be written, where Redis answers all the same.
func (n node) disk() (all []Finding) {
	s := about(redisGroup, "disk")
	if n.info["aof_last_write_status"] == "err" {
		all = append(all, s.mend(makeRoom, "%s could not write its append-only file", n.name))
	}
	if n.info["aof_last_bgrewrite_status"] == "err" {
		all = append(all, s.mend(makeRoom, "%s could not rewrite its append-only file, which grows", n.name))
	}
	if n.info["rdb_last_bgsave_status"] == "err" {
		all = append(all, s.mend(makeRoom, "the last snapshot of %s failed", n.name))
	}
	return all
}
