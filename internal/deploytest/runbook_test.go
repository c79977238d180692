package deploytest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// entry is what the runbook says about an alert, as the words that begin its points.
var points = []string{"Means", "The customer notices", "Look", "Do", "Clears"}

func readRunbook(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRunbook: each alert has one entry, each entry an alert, and the entries and the table above them are in the alerts' order.
func TestRunbook(t *testing.T) {
	_, text, _ := strings.Cut(readRunbook(t), "\n## Alerts\n")
	var entries, rows, alerts []string
	for _, section := range strings.Split(text, "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		entries = append(entries, name)
		from := 0
		for _, p := range points {
			at := strings.Index(body[from:], "- **"+p+":** ")
			if at < 0 {
				t.Errorf("%s: %q is missing, or not in its place", name, p)
				continue
			}
			from += at
		}
	}
	_, all := readRules(t)
	severities := map[string]string{}
	for _, a := range all {
		alerts = append(alerts, a.Alert)
		severities[a.Alert] = a.Labels["severity"]
	}
	for _, row := range regexp.MustCompile(`(?m)^\| \[(Hpplink\w+)\]\(#(\w+)\) \| (\w+) \|$`).FindAllStringSubmatch(text, -1) {
		rows = append(rows, row[1])
		if row[2] != strings.ToLower(row[1]) || row[3] != severities[row[1]] {
			t.Errorf("the row %q does not fit the alert", row[0])
		}
	}
	if !slices.Equal(entries, alerts) || !slices.Equal(rows, alerts) {
		t.Errorf("entries: %q\nrows:    %q\nalerts:  %q", entries, rows, alerts)
	}
}

// TestRunbookLinks: links within the page have a heading, and files that it names are there.
func TestRunbookLinks(t *testing.T) {
	text := readRunbook(t)
	anchors := map[string]bool{}
	for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		anchors[strings.ReplaceAll(strings.ToLower(h[1]), " ", "-")] = true
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if !anchors[link[1]] {
			t.Errorf("no heading for #%s", link[1])
		}
	}
	named := 0
	for _, file := range regexp.MustCompile("`((?:prometheus|grafana|install|compose|kubernetes|systemd)[-/][\\w./-]*)`").FindAllStringSubmatch(text, -1) {
		named++
		if _, err := os.Stat(filepath.Join(deploy, file[1])); err != nil {
			t.Error(err)
		}
	}
	if named == 0 {
		t.Error("no files are named")
	}
}
