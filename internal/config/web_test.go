package config_test

import (
	"testing"

	"github.com/alecthomas/kong"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/merchant"
)

const goodToken = "planted-token-0123456789"

func TestWhoMayListenWithoutAToken(t *testing.T) {
	for listen, local := range map[string]bool{
		"": true, "127.0.0.1:8080": true, "127.5.5.5:1": true, "[::1]:8080": true, "localhost:0": true, "LOCALHOST:80": true, "[::ffff:127.0.0.1]:80": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.0.2.7:80": false, "shop.example:80": false, "localhost.evil.example:80": false,
	} {
		_, err := config.Web{Listen: listen}.Check(nil)
		if (err == nil) != local {
			t.Errorf("%s without a token: %v", listen, err)
		}
		if !local {
			mustList(t, err, "--listen / HPPLINK_LISTEN: others than this machine could reach")
		}
		if tokens, err := (config.Web{Listen: listen, Token: goodToken}).Check(nil); err != nil || len(tokens) != 1 {
			t.Errorf("%s with a token: %v %v", listen, tokens, err)
		}
		fromFile := []config.Token{{Name: "shop", Value: merchant.NewSecret(goodToken)}}
		if tokens, err := (config.Web{Listen: listen}).Check(fromFile); err != nil || len(tokens) != 1 {
			t.Errorf("%s with a token of the settings file: %v %v", listen, tokens, err)
		}
	}
	for _, listen := range []string{"8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "::1:80", "127.0.0.1:65536", "127.0.0.1:-1"} {
		_, err := config.Web{Listen: listen, Token: goodToken}.Check(nil)
		mustList(t, err, "--listen / HPPLINK_LISTEN: it is no address")
	}
}

func TestTokens(t *testing.T) {
	local := config.Web{Listen: "127.0.0.1:8080"}
	fromFile := []config.Token{{Name: "shop", Value: merchant.NewSecret("planted-other-token-1")}}
	local.TokenFile = file(t, goodToken+"\n")
	tokens, err := local.Check(fromFile)
	if err != nil || len(tokens) != 2 || tokens[1].Name != config.EnvironmentToken || tokens[1].Value.Reveal() != goodToken {
		t.Errorf("%v %v", tokens, err)
	}
	for name, w := range map[string]config.Web{
		"too short": {Token: "planted-short"}, "a space": {Token: "planted planted planted"}, "an umlaut": {Token: "planted-planted-ü"},
		"empty file": {TokenFile: file(t, " \n")}, "no file": {TokenFile: "/no/such/file"}, "both": {Token: goodToken, TokenFile: file(t, goodToken)},
	} {
		t.Run(name, func(t *testing.T) {
			w.Listen = "0.0.0.0:8080"
			_, err := w.Check(nil)
			mustList(t, err, "--token")
		})
	}
}

// TestFlags: the structs can be embedded side by side, and their defaults are what the packages say.
func TestFlags(t *testing.T) {
	var c struct {
		config.SettingsFile
		config.Merchant
		config.Gateway
		config.Web
		config.Roles
	}
	parse := func(args ...string) error {
		k, err := kong.New(&c, kong.Vars{"gateway_timeout": merchant.DefaultTimeout.String()})
		if err != nil {
			t.Fatal(err)
		}
		_, err = k.Parse(args)
		return err
	}
	if err := parse(); err != nil || c.MaxOpen != merchant.DefaultMaxOpen || c.Listen != "" || c.Address() != "127.0.0.1:8080" || c.Config != "" ||
		!c.Has(config.RoleWorker) || !c.Has(config.RoleStream) || !c.Has(config.RoleWeb) || c.Roles.Check() != nil {
		t.Errorf("%+v %v", c, err)
	}
	c.SettingsFile.Config = ""
	if err := parse("--config", "a.yaml", "--max-open=5", "--roles=web,stream"); err != nil || c.Config != "a.yaml" || c.MaxOpen != 5 || c.Has(config.RoleWorker) || !c.Has(config.RoleWeb) {
		t.Errorf("%+v %v", c, err)
	}
	if err := parse(); err != nil || c.DashboardWrite {
		t.Errorf("the pages may change something by default (%v)", err)
	}
	if err := parse("--dashboard-write"); err != nil || !c.DashboardWrite {
		t.Errorf("--dashboard-write: %v", err)
	}
	if err := parse("--roles=cook"); err == nil {
		t.Error("a role that there is not was taken")
	}
	mustList(t, config.Roles{}.Check(), "--roles / HPPLINK_ROLES: it names no role")
}
