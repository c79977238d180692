package deploytest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var dashboardFile = filepath.Join(deploy, "grafana", "hpplink.json")

// dashboard is what the tests look at of Grafana's format.
type dashboard struct {
	UID        string
	Title      string
	Templating struct {
		List []struct {
			Name, Type string
			Definition string // of a query
		}
	}
	Panels []panel
}

type panel struct {
	ID                 int
	Type               string
	Title, Description string
	Datasource         struct{ Type, UID string }
	GridPos            struct{ X, Y, W, H int }
	Targets            []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ Type, UID string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// exprs returns the dashboard's expressions as Grafana would send them, for all merchants and lanes, each with the titles
// of its row and panel.
func (d dashboard) exprs() map[string]string {
	all, row := map[string]string{}, ""
	for _, p := range d.Panels {
		if p.Type == "row" {
			row = p.Title
		}
		for _, target := range p.Targets {
			all[fmt.Sprintf("%s, %s, %s", row, p.Title, target.RefID)] = chosen.Replace(target.Expr)
		}
	}
	return all
}

var chosen = strings.NewReplacer("$__rate_interval", "5m", "$job", "hpplink", "$merchant", ".*", "$lane", ".*")

func TestDashboardIsWellFormed(t *testing.T) {
	d := readDashboard(t)
	var rows []string
	seen := map[int]bool{}
	filled := map[[2]int]string{}
	for _, p := range d.Panels {
		if seen[p.ID] || p.ID == 0 {
			t.Errorf("%s: id %d is taken", p.Title, p.ID)
		}
		seen[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := filled[[2]int{x, y}]; other != "" || x > 23 {
					t.Fatalf("%s lies upon %s, or over the edge", p.Title, other)
				}
				filled[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%q lacks a description, an expression or the datasource variable", p.Title)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" || len(p.Targets) > 1 && target.LegendFormat == "" {
				t.Errorf("%s %s lacks a legend or the datasource variable", p.Title, target.RefID)
			}
		}
	}
	want := []string{"Is work flowing?", "What waits?", "Gateway", "Emails", "Queues", "Redis and processes"}
	if !slices.Equal(rows, want) || d.UID == "" || d.Title != "hpplink" {
		t.Errorf("rows %q, uid %q, title %q", rows, d.UID, d.Title)
	}
}

// TestDashboardExpressions has Prometheus parse each, and holds its metrics and labels against those that are exposed.
func TestDashboardExpressions(t *testing.T) {
	d, c := readDashboard(t), readCatalog(t)
	var rules []map[string]string
	for where, expr := range d.exprs() {
		if strings.Contains(expr, "$") {
			t.Errorf("%s: a variable is left: %s", where, expr)
		}
		for _, problem := range c.problems(expr) {
			t.Errorf("%s: %s", where, problem)
		}
		rules = append(rules, map[string]string{"record": fmt.Sprintf("dashboard:%d", len(rules)), "expr": expr})
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.rules.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	passes(t, "check", "rules", file)
}

// TestDashboardVariables: each is used, and each that is used is there.
func TestDashboardVariables(t *testing.T) {
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"__rate_interval": true}
	for _, v := range regexp.MustCompile(`\$\{?(\w+)\}?`).FindAllStringSubmatch(string(text), -1) {
		used[v[1]] = true
	}
	delete(used, "__all") // Grafana's word for all of a variable
	c := readCatalog(t)
	defined := map[string]bool{"__rate_interval": true}
	for _, v := range readDashboard(t).Templating.List {
		defined[v.Name] = true
		query := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition)
		if v.Type == "datasource" {
			continue
		}
		if query == nil {
			t.Fatalf("%s: %s", v.Name, v.Definition)
		}
		name, _, _ := strings.Cut(query[1], "{")
		if problems := c.problems(query[1]); len(problems) > 0 || !slices.Contains(c[name], query[2]) {
			t.Errorf("%s: %s: %q", v.Name, v.Definition, problems)
		}
	}
	for name := range used {
		if !defined[name] {
			t.Errorf("$%s is not defined", name)
		}
	}
	for _, name := range []string{"datasource", "job", "merchant", "lane"} {
		if !defined[name] || !used[name] {
			t.Errorf("$%s is not defined, or not used", name)
		}
	}
}
