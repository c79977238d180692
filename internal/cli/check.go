package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/doctor"
	"github.com/hpplink/hpplink/internal/redisconn"
)

type checkCommand struct {
	runCommand
	Offline bool `help:"Ask neither gateways nor the mail server."`
	JSON    bool `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (checkCommand) Help() string {
	return `Examples:
  hpplink check
  hpplink check --config /etc/hpplink.yaml --offline
  hpplink check --redis rediss://user@redis.example:6380/0 --json

It takes the same settings as 'run', and tells of each thing that it is fine, or what to do. It works no order, makes no
link, sends no email and changes nothing in Redis. Gateways get an empty order, of which no link can be made, with the
merchant's keys, and with keys that are nobody's; the mail server a login. It takes ten seconds at most.
Exit code 0: fit for production, however many notes; 1: something is to be mended; 2: wrong settings, or this Redis can not
be used; 3: Redis is out of reach.`
}

// examination is how long all probes together may take.
const examination = 8 * time.Second

// groups is the order in which findings are shown.
var groups = []string{"settings", "redis", "work", "gateways", "mail", "process"}

// Run looks at everything, however much is wrong.
func (c *checkCommand) Run(ctx context.Context, s Streams) error {
	found := c.examine(ctx)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	slices.SortStableFunc(found, func(a, b doctor.Finding) int {
		return cmp.Compare(slices.Index(groups, a.Group), slices.Index(groups, b.Group))
	})
	if err := c.print(s, found); err != nil {
		return err
	}
	return verdict(found)
}

// verdict is the error that has the worst finding's exit code.
func verdict(found []doctor.Finding) error {
	var bad error
	for _, f := range found {
		if f.Level != doctor.Mend {
			continue
		}
		bad = errors.Join(bad, errFailed)
		switch f.Fault {
		case doctor.Unreachable:
			bad = errors.Join(bad, &redisconn.UnreachableError{})
		case doctor.Settings, doctor.Unusable:
			bad = errors.Join(bad, config.Errors{errFailed})
		}
	}
	return bad
}

func (c *checkCommand) print(s Streams, found []doctor.Finding) error {
	if c.JSON {
		for _, f := range found {
			if err := writeJSON(s.Out, findingJSON(f)); err != nil {
				return err
			}
		}
		return nil
	}
	var b strings.Builder
	group, headed := "", isTerminal(s.Out)
	for _, f := range found {
		if headed && f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		fmt.Fprintf(&b, "%s  %-11s  %s\n", marks[f.Level], visible(f.Subject), visible(sentence(f)))
	}
	fmt.Fprintf(&b, "\n%s\n", summary(found))
	_, err := fmt.Fprint(s.Out, b.String())
	return err
}

var marks = map[doctor.Level]string{doctor.Fine: "ok  ", doctor.Note: "note", doctor.Mend: "MEND"}

// sentence is what was found and what to do, in one line.
func sentence(f doctor.Finding) string {
	if f.Remedy == "" {
		return f.Detail
	}
	return f.Detail + " → " + f.Remedy
}

func summary(found []doctor.Finding) string {
	n := map[doctor.Level]int{}
	for _, f := range found {
		n[f.Level]++
	}
	notes := ""
	if n[doctor.Note] > 0 {
		notes = fmt.Sprintf(", with %d notes", n[doctor.Note])
	}
	if n[doctor.Mend] > 0 {
		return fmt.Sprintf("not fit for production: %d to mend%s", n[doctor.Mend], notes)
	}
	return "fit for production" + notes
}

// findingJSON is a finding as --json shows it.
func findingJSON(f doctor.Finding) any {
	return struct {
		Subject  string `json:"subject"`
		OK       bool   `json:"ok"`
		Level    string `json:"level"`
		Group    string `json:"group"`
		Merchant string `json:"merchant_id,omitempty"`
		Detail   string `json:"detail"`
		Remedy   string `json:"remedy,omitempty"`
		Fault    string `json:"fault,omitempty"`
	}{f.Subject, f.Level != doctor.Mend, string(f.Level), f.Group, f.Merchant, f.Detail, f.Remedy, string(f.Fault)}
}
