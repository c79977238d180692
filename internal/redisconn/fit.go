package redisconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// The oldest version with all commands that the project uses (XAUTOCLAIM, ZADD's and SET's newer options).
const minMajor, minMinor = 6, 2

// Report is what a Redis says of itself; of a cluster, what the master says that is fit least. Empty text means that it
// does not say.
type Report struct {
	Embedded        bool   // in this process: the rest is empty
	Version         string // as "7.0.15"
	EvictionPolicy  string // as "noeviction"
	AppendOnly      bool   // it writes an append-only file
	AppendOnlyKnown bool   // false when INFO is forbidden
	Snapshots       string // its RDB save points as "3600 1 300 100"; "" when none or when CONFIG is forbidden
	SnapshotsKnown  bool   // false when CONFIG is forbidden
	Masters         int    // among which the keys are shared: 1 but for a cluster
	Replicas        int    // that follow the master; in a cluster, the one that has the fewest

	addr string // of the server
	down bool   // as a node of a cluster it says that some slots are not served
}

// Durable reports whether accepted orders survive a crash of Redis, all but those of its last second. That takes the
// append-only file: between two snapshots an hour may pass. Where it is not known, it says no.
func (r Report) Durable() bool { return r.AppendOnly }

// Loss says what a crash of Redis loses, and the remedy; "" of a durable Redis.
func (r Report) Loss() string {
	switch {
	case r.Durable():
		return ""
	case r.Embedded:
		return "an embedded Redis forgets everything at the end of its process"
	case !r.AppendOnlyKnown:
		return "Redis does not tell whether it writes an append-only file: make sure of appendonly yes"
	case !r.SnapshotsKnown:
		return "Redis writes no append-only file: a crash of it loses all orders accepted since its last snapshot, if it makes any; set appendonly yes"
	case r.Snapshots != "":
		return "Redis writes snapshots only (save " + r.Snapshots + "): a crash of it loses all orders accepted since the last one; set appendonly yes"
	}
	return "Redis keeps nothing on disk: a restart of it loses every order; set appendonly yes"
}

// UnfitError says why this Redis may not hold orders, all reasons at once.
type UnfitError struct {
	Addr     string
	Problems []string // each with its remedy
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("Redis at %s can not be used: %s", e.Addr, strings.Join(e.Problems, "; "))
}

// Check asks Redis about itself. The error is an *UnfitError for a Redis that would lose or mangle orders: one that
// evicts keys, or one that is too old. One that is not durable gets a warning in the log, once per Conn. The embedded
// Redis, which can not be asked, passes.
func (c *Conn) Check(ctx context.Context) (Report, error) {
	if c.embedded != nil {
		return Report{Embedded: true}, nil
	}
	reports, err := c.reports(ctx)
	if err != nil {
		return Report{}, err
	}
	report := least(reports)
	if report.down {
		return report, &UnreachableError{Addr: c.target.addr, Reason: "some slots of the cluster are served by nobody", cause: errDown}
	}
	if problems := problemsOf(reports); len(problems) > 0 {
		return report, &UnfitError{Addr: c.target.addr, Problems: problems}
	}
	c.warned.Do(func() { c.warn(report) })
	return report, nil
}

var errDown = errors.New("cluster_state is not ok")

// reports asks every master.
func (c *Conn) reports(ctx context.Context) ([]Report, error) {
	var mu sync.Mutex
	var all []Report
	err := c.eachMaster(ctx, func(ctx context.Context, master redis.Cmdable, addr string) error {
		r, err := c.report(ctx, master)
		r.addr = addr
		mu.Lock()
		defer mu.Unlock()
		all = append(all, r)
		return err
	})
	if err != nil {
		return nil, c.target.explain(err)
	}
	slices.SortFunc(all, func(a, b Report) int { return strings.Compare(a.addr, b.addr) })
	return all, nil
}

// least returns the report that says most against keeping orders there, with the figures of all.
func least(reports []Report) Report {
	worst := slices.MinFunc(reports, func(a, b Report) int { return cmp.Compare(a.fitness(), b.fitness()) })
	worst.Masters = len(reports)
	for _, r := range reports {
		worst.Replicas = min(worst.Replicas, r.Replicas)
	}
	return worst
}

func (r Report) fitness() int {
	switch {
	case r.down:
		return 0
	case len(r.problems()) > 0:
		return 1
	case r.Loss() != "":
		return 2
	}
	return 3
}

func problemsOf(reports []Report) (all []string) {
	for _, r := range reports {
		for _, problem := range r.problems() {
			if len(reports) > 1 {
				problem = r.addr + ": " + problem
			}
			all = append(all, problem)
		}
	}
	return all
}

// report asks with INFO, which managed services allow, and with CONFIG only for what INFO does not tell. One section
// at a time, since several need version 7.
func (c *Conn) report(ctx context.Context, server redis.Cmdable) (Report, error) {
	info := map[string]string{}
	for _, section := range []string{"server", "memory", "persistence", "replication"} {
		text, err := server.Info(ctx, section).Result()
		if refused(err) {
			continue
		}
		if err != nil {
			return Report{}, err
		}
		readInfo(info, text)
	}
	r := Report{Version: info["redis_version"], EvictionPolicy: info["maxmemory_policy"], AppendOnly: info["aof_enabled"] == "1"}
	_, r.AppendOnlyKnown = info["aof_enabled"]
	r.Replicas, _ = strconv.Atoi(info["connected_slaves"])
	save, err := server.ConfigGet(ctx, "save").Result()
	if err != nil && !refused(err) {
		return Report{}, err
	}
	r.Snapshots, r.SnapshotsKnown = save["save"]
	if c.target.kind == cluster {
		state, err := server.ClusterInfo(ctx).Result()
		if err != nil && !refused(err) {
			return Report{}, err
		}
		r.down = strings.Contains(state, "cluster_state:fail")
	}
	return r, nil
}

// refused tells a command that this server or this user does not have from a Redis that is out of reach.
func refused(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && !away(err)
}

func readInfo(into map[string]string, text string) {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			into[key] = value
		}
	}
}

func (r Report) problems() []string {
	var all []string
	if r.EvictionPolicy != "" && r.EvictionPolicy != "noeviction" {
		all = append(all, fmt.Sprintf("its maxmemory-policy is %s, so it throws orders away when memory is short: set maxmemory-policy noeviction", r.EvictionPolicy))
	}
	if tooOld(r.Version) {
		all = append(all, fmt.Sprintf("its version is %s: %d.%d or later is needed", r.Version, minMajor, minMinor))
	}
	return all
}

func tooOld(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, errMajor := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	if errMajor != nil || errMinor != nil {
		return false
	}
	return major < minMajor || major == minMajor && minor < minMinor
}

func (c *Conn) warn(r Report) {
	if loss := r.Loss(); loss != "" {
		c.log.Warn(loss, "redis", c.target.addr)
	}
	if r.Version == "" || r.EvictionPolicy == "" {
		c.log.Warn("Redis does not tell its version or its maxmemory-policy: make sure of 6.2 or later and of noeviction", "redis", c.target.addr)
	}
	if c.target.kind != single && r.Replicas == 0 {
		c.log.Warn("a master of Redis has no replica: when it fails, nothing takes its place", "redis", c.target.addr)
	}
}
