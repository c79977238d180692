package bench

import (
	"fmt"
	"strconv"
	"strings"
)

// info is what Redis' INFO says: field by name.
type info map[string]string

func parseInfo(text string) info {
	all := info{}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(strings.TrimSpace(line), ":")
		if found && !strings.HasPrefix(name, "#") {
			all[name] = value
		}
	}
	return all
}

func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("not a number: %q", text)
	}
	return n, nil
}

// number returns a field that is a number.
func (i info) number(name string) (float64, error) {
	n, err := parseNumber(i[name])
	if err != nil {
		return 0, fmt.Errorf("INFO: %s: %w", name, err)
	}
	return n, nil
}

// cpu is the CPU time that Redis has used, in seconds; needs section cpu.
func (i info) cpu() (float64, error) {
	user, err := i.number("used_cpu_user")
	if err != nil {
		return 0, err
	}
	system, err := i.number("used_cpu_sys")
	return user + system, err
}

// calls is how often commands ran.
type calls struct {
	all     int // those that scripts run count as well
	scripts int // scripts that clients sent
}

// scriptCommands are the commands by which clients run scripts.
var scriptCommands = map[string]bool{"eval": true, "evalsha": true, "eval_ro": true, "evalsha_ro": true, "fcall": true, "fcall_ro": true}

// calls adds up section commandstats; fields are "cmdstat_evalsha" with "calls=8,usec=…".
func (i info) calls() (c calls, err error) {
	for field, value := range i {
		name, found := strings.CutPrefix(field, "cmdstat_")
		if !found {
			continue
		}
		first, _, _ := strings.Cut(value, ",")
		n, err := strconv.Atoi(strings.TrimPrefix(first, "calls="))
		if err != nil {
			return c, fmt.Errorf("INFO commandstats: %s: %q", field, value)
		}
		c.all += n
		if scriptCommands[name] {
			c.scripts += n
		}
	}
	return c, nil
}
