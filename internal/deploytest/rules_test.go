package deploytest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var (
	rulesFile = filepath.Join(deploy, "prometheus", "hpplink.rules.yml")
	testFiles = []string{
		filepath.Join(deploy, "prometheus", "hpplink.rules.test.yml"),
		filepath.Join(deploy, "prometheus", "hpplink.rules.days.test.yml"),
	}
	runbook = filepath.Join(deploy, "README.md")
)

// runbookURL is where alerts send people.
const runbookURL = "https://github.com/hpplink/hpplink/blob/main/deploy/README.md"

// rule records or alerts.
type rule struct {
	Record      string            `yaml:"record"`
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// readRules returns what the rules file records, and its alerts.
func readRules(t *testing.T) (recorded, alerts []rule) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	read(t, rulesFile, &file)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				recorded = append(recorded, r)
			} else {
				alerts = append(alerts, r)
			}
		}
	}
	if len(recorded) == 0 || len(alerts) == 0 {
		t.Fatal("there are no rules")
	}
	return recorded, alerts
}

// TestRules has Prometheus itself judge the rules, and when they fire.
func TestRules(t *testing.T) {
	passes(t, "check", "rules", rulesFile)
	for _, file := range testFiles {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			passes(t, "test", "rules", file)
		})
	}
}

func TestAlertsSayAllThatIsNeeded(t *testing.T) {
	_, alerts := readRules(t)
	seen := map[string]bool{}
	for _, a := range alerts {
		if seen[a.Alert] || !strings.HasPrefix(a.Alert, "Hpplink") {
			t.Errorf("%s: the name is taken, or does not begin with Hpplink", a.Alert)
		}
		seen[a.Alert] = true
		if severity := a.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s: severity %q", a.Alert, severity)
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" || len(a.Annotations) != 3 {
			t.Errorf("%s: annotations %q", a.Alert, a.Annotations)
		}
		if want := runbookURL + "#" + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q, want %q", a.Alert, a.Annotations["runbook_url"], want)
		}
	}
}

// ruleTests is the file format of promtool's tests.
type ruleTests struct {
	RuleFiles []string `yaml:"rule_files"`
	Interval  string   `yaml:"evaluation_interval"`
	Order     []string `yaml:"group_eval_order"`
	Tests     []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval"`
		Series   []any  `yaml:"input_series"`
		Exprs    []any  `yaml:"promql_expr_test"`
		Alerts   []struct {
			Name string `yaml:"alertname"`
			At   string `yaml:"eval_time"`
			Want []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

// TestEveryAlertIsTested wants of each alert a moment at which it fires, and one at which it does not.
func TestEveryAlertIsTested(t *testing.T) {
	var firing, silent []string
	for _, path := range testFiles {
		var file ruleTests
		read(t, path, &file)
		for _, test := range file.Tests {
			for _, a := range test.Alerts {
				if len(a.Want) > 0 {
					firing = append(firing, a.Name)
				} else {
					silent = append(silent, a.Name)
				}
			}
		}
	}
	_, alerts := readRules(t)
	for _, a := range alerts {
		if !slices.Contains(firing, a.Alert) || !slices.Contains(silent, a.Alert) {
			t.Errorf("%s is not tested both ways", a.Alert)
		}
	}
}

// TestOrderOfGroups: promtool evaluates groups that are not named in any order, and then what alerts look at may be missing.
func TestOrderOfGroups(t *testing.T) {
	var rules struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []any  `yaml:"rules"`
		} `yaml:"groups"`
	}
	read(t, rulesFile, &rules)
	var want []string
	for _, g := range rules.Groups {
		want = append(want, g.Name)
	}
	for _, path := range testFiles {
		var file ruleTests
		if read(t, path, &file); !slices.Equal(file.Order, want) {
			t.Errorf("%s: group_eval_order %q, want %q", path, file.Order, want)
		}
	}
}
