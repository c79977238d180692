package deploytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPrometheusConfig has promtool check the example in a folder set up as its comment says.
func TestPrometheusConfig(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"prometheus.yml", "hpplink.rules.yml"} {
		text, err := os.ReadFile(filepath.Join(deploy, "prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "prometheus.yml")
	if out, err := promtool(t, "check", "config", config); err == nil || !strings.Contains(out, "hpplink-token") {
		t.Errorf("without a token: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "hpplink-token"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	passes(t, "check", "config", config)
}

// TestProvisioning: Grafana is told of the dashboard's folder, and of one Prometheus.
func TestProvisioning(t *testing.T) {
	var dashboards struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Folder, Type string
			AllowUIUpdates     bool              `yaml:"allowUiUpdates"`
			Options            map[string]string `yaml:"options"`
		} `yaml:"providers"`
	}
	read(t, filepath.Join(deploy, "grafana", "provisioning", "dashboards", "dashboards.yml"), &dashboards)
	if p := dashboards.Providers; dashboards.APIVersion != 1 || len(p) != 1 || p[0].Type != "file" || p[0].Options["path"] == "" {
		t.Fatalf("%+v", dashboards)
	}
	if folder := dashboards.Providers[0].Options["path"]; !strings.Contains(readRunbook(t), "`"+folder+"`") {
		t.Errorf("the operations page does not name %s", folder)
	}
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool              `yaml:"isDefault"`
			JSONData                     map[string]string `yaml:"jsonData"`
		} `yaml:"datasources"`
	}
	read(t, filepath.Join(deploy, "grafana", "provisioning", "datasources", "datasources.yml"), &sources)
	if s := sources.Datasources; sources.APIVersion != 1 || len(s) != 1 || s[0].Type != "prometheus" || s[0].URL == "" {
		t.Errorf("%+v", sources)
	}
}
