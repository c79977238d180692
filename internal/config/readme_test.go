package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/config"
)

// TestTheReadmesSettingsFile keeps the example true.
func TestTheReadmesSettingsFile(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), "```yaml\n")
	example, _, _ := strings.Cut(after, "```")
	path := filepath.Join(t.TempDir(), "hpplink.yaml")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.LoadDefaults(path)
	if err != nil || !found || len(s.Merchants) != 1 || s.Merchants[0].ID != "M-1001" || s.Merchants[0].Rate != 20 || s.Merchants[0].Mail.Rate != 10 {
		t.Errorf("%+v %v", s, err)
	}
}
