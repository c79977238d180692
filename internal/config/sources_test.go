package config_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/hpplink/hpplink/internal/config"
)

// TestSources: it is known of each secret where it comes from.
func TestSources(t *testing.T) {
	t.Setenv("HPPLINK_API_KEY", plantedKey)
	t.Setenv("HPPLINK_X_API_KEY", "another")
	g := gateway()
	got := append(g.Sources(), append(config.Web{TokenFile: "token"}.Sources(), config.SMTP{}.Sources()...)...)
	want := []config.Source{
		{Name: "HPPLINK_API_KEY", Variable: "HPPLINK_API_KEY"}, {Name: "HPPLINK_X_API_KEY", Flag: true}, {Name: "HPPLINK_TOKEN", File: "token"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestSourcesOfAFile(t *testing.T) {
	t.Setenv("PLANTED", plantedXKey)
	path := settingsFile(t, "merchants:\n  - id: M-1\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: {file: secrets/m1}\n    x_api_key: {env: PLANTED}\n"+
		"tokens:\n  - name: shop\n    token: {inline: planted-planted-planted}\n")
	s, err := config.LoadFile(path)
	want := []config.Source{
		{Name: "merchants[0].api_key", File: filepath.Join(filepath.Dir(path), "secrets/m1")}, {Name: "merchants[0].x_api_key", Variable: "PLANTED"}, {Name: "tokens[0].token", Inline: true},
	}
	if err != nil || !slices.Equal(s.Sources, want) {
		t.Errorf("%+v %v", s.Sources, err)
	}
	if s, err := config.LoadDefaults(path); err != nil || len(s.Sources) > 0 {
		t.Errorf("%+v %v: it reads no secrets", s.Sources, err)
	}
}
