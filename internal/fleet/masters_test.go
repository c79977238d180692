package fleet_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/redistest"
)

// load is what a server has done since its start.
type load struct {
	commands int // those within scripts count as well
	scripts  int // scripts that clients sent
	cpu      float64
	byName   map[string]int
}

var (
	commandLine = regexp.MustCompile(`(?m)^cmdstat_([^:]+):calls=(\d+)`)
	infoLine    = regexp.MustCompile(`(?m)^(total_commands_processed|used_cpu_sys|used_cpu_user):(\S+)\r$`)
)

func loadOf(t *testing.T, p *redistest.Process) load {
	t.Helper()
	l := load{byName: map[string]int{}}
	rdb := redistest.Client(t, p.Addr)
	raw, err := rdb.Info(ctx, "everything").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range commandLine.FindAllStringSubmatch(raw, -1) {
		l.byName[m[1]], _ = strconv.Atoi(m[2])
	}
	l.scripts = l.byName["evalsha"] + l.byName["eval"]
	for _, m := range infoLine.FindAllStringSubmatch(raw, -1) {
		v, _ := strconv.ParseFloat(m[2], 64)
		if m[1] == "total_commands_processed" {
			l.commands = int(v)
		} else {
			l.cpu += v
		}
	}
	return l
}

func loads(t *testing.T, all []*redistest.Process) (now []load) {
	t.Helper()
	for _, p := range all {
		now = append(now, loadOf(t, p))
	}
	return now
}

// since returns what each has done since then.
func since(now, then []load) []load {
	var done []load
	for i, l := range now {
		d := load{commands: l.commands - then[i].commands, scripts: l.scripts - then[i].scripts, cpu: l.cpu - then[i].cpu, byName: map[string]int{}}
		for name, n := range l.byName {
			d.byName[name] = n - then[i].byName[name]
		}
		done = append(done, d)
	}
	return done
}

// uneven is how much less than the busiest master the idlest one did: 0 if all did the same, 1 if one did nothing.
func uneven(all []load, of func(load) int) float64 {
	values := make([]int, len(all))
	for i, l := range all {
		values[i] = of(l)
	}
	most := slices.Max(values)
	return float64(most-slices.Min(values)) / float64(max(most, 1))
}

// most names the commands that were run most, with their numbers.
func most(all []load, k int) string {
	sum := map[string]int{}
	for _, l := range all {
		for name, n := range l.byName {
			sum[name] += n
		}
	}
	var names []string
	for name := range sum {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return sum[b] - sum[a] })
	var told []string
	for _, name := range names[:min(k, len(names))] {
		told = append(told, fmt.Sprintf("%s %d", name, sum[name]))
	}
	return strings.Join(told, ", ")
}
