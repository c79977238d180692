package deploytest

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// exposedFile lists what the program exposes; the tests of internal/metrics hold the program against it.
const exposedFile = "../metrics/testdata/exposed.txt"

// catalog has the labels of each series that may be asked for.
type catalog map[string][]string

// scraped are labels that Prometheus adds.
var scraped = []string{"job", "instance"}

func readCatalog(t *testing.T) catalog {
	t.Helper()
	c := catalog{"up": scraped, "ALERTS": {"job", "alertname", "alertstate", "severity"}}
	text, err := os.ReadFile(exposedFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] != "#" {
			c.add(fields[0], fields[1] == "histogram", strings.Split(strings.Join(fields[2:], ""), ","))
		}
	}
	c.addRuntime(t)
	recorded, _ := readRules(t)
	for _, r := range recorded {
		c[r.Record] = []string{"job", "lane"}
	}
	return c
}

func (c catalog) add(name string, histogram bool, labels []string) {
	labels = append(slices.Clone(scraped), labels...)
	if !histogram {
		c[name] = labels
		return
	}
	c[name+"_count"], c[name+"_sum"], c[name+"_bucket"] = labels, labels, append(slices.Clone(labels), "le")
}

// addRuntime adds what the client library exposes of any Go program.
func (c catalog) addRuntime(t *testing.T) {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		c.add(f.GetName(), false, nil)
	}
}

var (
	texts     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	groupings = regexp.MustCompile(`\b(?:by|on|without|ignoring)\s*\(([^)]*)\)`)
	ranges    = regexp.MustCompile(`\[[^\]]*\](?: offset \w+)?`)
	selectors = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?`)
	matched   = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
)

// problems says what an expression asks for that there is not.
func (c catalog) problems(expr string) (wrong []string) {
	bare := ranges.ReplaceAllString(texts.ReplaceAllString(expr, ""), "")
	all := map[string]bool{}
	for _, s := range selectors.FindAllStringSubmatch(groupings.ReplaceAllString(bare, ""), -1) {
		name, rest := s[1], s[2]
		if rest == "(" || slices.Contains([]string{"and", "or", "unless", "bool"}, name) {
			continue
		}
		labels, known := c[name]
		if !known {
			wrong = append(wrong, name+" is exposed by nobody")
		}
		for _, l := range labels {
			all[l] = true
		}
		for _, m := range matched.FindAllStringSubmatch(rest, -1) {
			if known && !slices.Contains(labels, m[1]) {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", name, m[1]))
			}
		}
	}
	for _, g := range groupings.FindAllStringSubmatch(bare, -1) {
		for _, l := range strings.Split(g[1], ",") {
			if l = strings.TrimSpace(l); l != "" && !all[l] {
				wrong = append(wrong, "nothing in it has a label "+l)
			}
		}
	}
	if len(all) == 0 && len(wrong) == 0 {
		wrong = append(wrong, "it asks for nothing")
	}
	return wrong
}

func TestRulesAskForWhatIsExposed(t *testing.T) {
	c := readCatalog(t)
	recorded, alerts := readRules(t)
	for _, r := range append(recorded, alerts...) {
		for _, problem := range c.problems(r.Expr) {
			t.Errorf("%s%s: %s", r.Record, r.Alert, problem)
		}
	}
}

// TestProblems: the check above can fail.
func TestProblems(t *testing.T) {
	c := catalog{"up": scraped, "a_bucket": {"job", "le"}}
	for expr, want := range map[string]int{
		`sum by (job) (up{instance="x y{z=1}"}) or up == bool 0`:         0,
		`histogram_quantile(0.9, sum by (le, job) (rate(a_bucket[5m])))`: 0,
		`a_count`:                            1,
		`up{lane="bulk"}`:                    1,
		`sum by (lane) (up)`:                 1,
		`sum by (lane) (increase(b[5m]))`:    2,
		`1 + 1`:                              1,
		`up unless on (job) a_bucket{le=""}`: 0,
	} {
		if got := c.problems(expr); len(got) != want {
			t.Errorf("%s: %q, want %d", expr, got, want)
		}
	}
}
