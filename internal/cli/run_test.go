package cli

import (
	"testing"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/merchant"
)

// TestWhoListens: several workers on one machine do not contend for an address, and each serves its probes where it is told to.
func TestWhoListens(t *testing.T) {
	for name, test := range map[string]struct {
		roles       []string
		listen      string
		want        string
		probes, may bool
	}{
		"all roles":                  {roles: []string{"worker", "stream", "web"}, want: "127.0.0.1:8080", may: true},
		"web, told where":            {roles: []string{"web"}, listen: "127.0.0.1:9000", want: "127.0.0.1:9000"},
		"a worker":                   {roles: []string{"worker"}},
		"worker and stream":          {roles: []string{"worker", "stream"}},
		"a worker, told where":       {roles: []string{"worker"}, listen: "127.0.0.1:9000", want: "127.0.0.1:9000", probes: true},
		"a stream's, told where":     {roles: []string{"stream"}, listen: "127.0.0.1:0", want: "127.0.0.1:0", probes: true},
		"workers of one environment": {roles: []string{"worker"}, listen: "127.0.0.1:8080", want: "127.0.0.1:8080", probes: true, may: true},
	} {
		var c runCommand
		c.Roles.Roles, c.Listen = test.roles, test.listen
		s := c.service(merchant.NewDirectory(), api.Tokens{}, nil)
		if s.Listen != test.want || s.Probes != test.probes || s.MayListen != test.may || c.listens() != (test.want != "") {
			t.Errorf("%s: %q, probes %v, may do without %v", name, s.Listen, s.Probes, s.MayListen)
		}
	}
}
