package doctor

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// Process is what a process is allowed to use, and means to. Zero values: there is no bound, or nobody knows it.
type Process struct {
	OpenFiles uint64 // that it may have
	Memory    int64  // bytes that its container may use
	GoMemory  int64  // GOMEMLIMIT
	Calls     int    // of the gateway that it makes at once
	Container bool   // it runs in one
}

const (
	processGroup = "process"
	// others are the connections of a busy process to Redis, to its own clients and to the mail server.
	others = connections + 200
	// leastMemory leaves room beside the 50 MiB of a busy worker; deploy/PERFORMANCE.md has how that was measured.
	leastMemory = 96 << 20
)

// ThisProcess returns what this process may use.
func ThisProcess() Process {
	p := Process{OpenFiles: openFiles(), Container: container()}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		p.GoMemory = limit
	}
	p.Memory = cgroupMemory("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
	return p
}

// container reports whether we are in one, as far as the usual signs tell.
func container() bool {
	for _, sign := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(sign); err == nil {
			return true
		}
	}
	return os.Getenv("KUBERNETES_SERVICE_HOST") != ""
}

// cgroupMemory reads the bound of a container, of either version of cgroups.
func cgroupMemory(paths ...string) int64 {
	const none = 1 << 50 // version 1 says "no bound" by a very large number
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n < none {
			return n
		}
	}
	return 0
}

// Examine compares what the process may use with what it needs.
func (p Process) Examine() (all []Finding) {
	s := about(processGroup, "open files")
	switch need := uint64(p.Calls + others); {
	case p.OpenFiles == 0:
	case p.OpenFiles < need:
		all = append(all, s.mend(fmt.Sprintf("raise it: ulimit -n %d, LimitNOFILE=, ulimits: nofile", max(need, 4096)),
			"the process may have %d open files and connections, and may need %d", p.OpenFiles, need))
	default:
		all = append(all, s.fine("%d allowed, up to %d needed", p.OpenFiles, need))
	}
	return append(all, p.memory()...)
}

func (p Process) memory() []Finding {
	s := about(processGroup, "memory")
	switch {
	case p.Memory == 0:
		return nil
	case p.Memory < leastMemory:
		return []Finding{s.mend("raise the limit to 128 MiB or more", "the container may use %s, and a busy worker needs some 50 MiB and room for bursts", size(p.Memory))}
	case p.GoMemory > p.Memory:
		return []Finding{s.mend(fmt.Sprintf("set GOMEMLIMIT=%dMiB", p.Memory*9/10>>20), "GOMEMLIMIT is %s, more than the %s that the container may use: the process would be killed first", size(p.GoMemory), size(p.Memory))}
	case p.GoMemory == 0:
		return []Finding{s.note(fmt.Sprintf("set GOMEMLIMIT=%dMiB", p.Memory*9/10>>20), "the container may use %s, and Go does not know: it might be killed rather than tidy up", size(p.Memory))}
	}
	return []Finding{s.fine("%s allowed", size(p.Memory))}
}
