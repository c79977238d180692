package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/config/strictyaml"
)

const wholeFile = `# Shops
merchants:
  - id: M-1001
    name: Example Shop
    gateway_url: https://api.paymentoptions.com/api/v1
    api_key: {file: secrets/m1}
    api_key_encoding: bare
    x_api_key: {env: HPPLINK_TEST_X_API_KEY}
    link_hosts: ["*.paymentoptions.com", pay.shop.example]
    timeout: 20s
    rate: 2.5
    concurrency: 40
    max_open: 5000
    amount_unit: minor
    defaults:
      merchant_email: shop@shop.example
      return_url: {success_url: "https://shop.example/ok", webhook_url: "https://shop.example/hook"}
      payment_method: {type: scheme, store_payment_method: true, tries: 3, list: [1.50, a]}
      billing_address: {country: JP}
    mail: {from: "Shop <pay@shop.example>", reply_to: help@shop.example, templates: mail}
  - id: M-1002
    gateway_url: https://api.paymentoptions.com/api/v1
    api_key: {inline: "planted-api-key"}
    x_api_key:
      inline: planted-x-api-key
tokens:
  - name: shop
    token: {file: /token}
`

// settingsFile writes a settings file with the files that wholeFile refers to.
func settingsFile(t testing.TB, text string) string {
	t.Helper()
	t.Setenv("HPPLINK_TEST_X_API_KEY", plantedXKey)
	folder := t.TempDir()
	for name, content := range map[string]string{
		"secrets/m1": plantedKey + "\n", "token": " planted-token-0123456789\r\n", "empty": " \n", "mail/link.txt": "x",
		"large": strings.Repeat("x", 1<<17), "short": "planted-short",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "shops.yaml")
	text = strings.ReplaceAll(text, "file: /", "file: "+folder+"/") // an absolute path
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFile(t *testing.T) {
	path := settingsFile(t, wholeFile)
	s, err := config.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Merchants) != 2 || len(s.Tokens) != 1 || s.Tokens[0].Name != "shop" || s.Tokens[0].Value.Reveal() != "planted-token-0123456789" {
		t.Fatalf("%+v", s)
	}
	p := s.Merchants[0]
	if p.ID != "M-1001" || p.GatewayURL.Host != "api.paymentoptions.com" || p.APIKey.Reveal() != "cGxhbnRlZC1hcGkta2V5" || p.XAPIKey.Reveal() != plantedXKey ||
		strings.Join(p.LinkHosts, " ") != "*.paymentoptions.com pay.shop.example" || p.Timeout != 20*time.Second || p.Rate != 2.5 ||
		p.Concurrency != 40 || p.MaxOpen != 5000 || p.AmountUnit != "minor" {
		t.Errorf("%+v", p)
	}
	d := p.Defaults
	if d.MerchantEmail != "shop@shop.example" || d.BillingCountry != "JP" ||
		string(d.ReturnURL) != `{"success_url":"https://shop.example/ok","webhook_url":"https://shop.example/hook"}` ||
		string(d.PaymentMethod) != `{"type":"scheme","store_payment_method":true,"tries":3,"list":[1.50,"a"]}` {
		t.Errorf("%+v", d)
	}
	if m := p.Mail; m.Name != "Example Shop" || m.From != "Shop <pay@shop.example>" || m.ReplyTo != "help@shop.example" ||
		m.Templates != filepath.Join(filepath.Dir(path), "mail") {
		t.Errorf("%+v", m)
	}
	if p := s.Merchants[1]; p.APIKey.Reveal() != plantedKey || p.XAPIKey.Reveal() != plantedXKey {
		t.Errorf("inline secrets: %+v", p)
	}
}

// TestLoadDefaults: a door that hands orders in need not be able to read any secret.
func TestLoadDefaults(t *testing.T) {
	path := settingsFile(t, wholeFile)
	os.Unsetenv("HPPLINK_TEST_X_API_KEY")
	for _, name := range []string{"secrets/m1", "token", "mail/link.txt", "mail"} {
		if err := os.Remove(filepath.Join(filepath.Dir(path), name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := config.LoadFile(path); err == nil || len(strings.Split(err.Error(), "\n")) != 4 {
		t.Errorf("the whole file: %v, want 4 problems", err)
	}
	s, err := config.LoadDefaults(path)
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Merchants[0]; p.Defaults.MerchantEmail != "shop@shop.example" || p.MaxOpen != 5000 || !p.APIKey.IsZero() || !p.XAPIKey.IsZero() {
		t.Errorf("%+v", p)
	}
	if p := s.Merchants[1]; !p.APIKey.IsZero() || !p.XAPIKey.IsZero() {
		t.Errorf("holds inline keys: %+v", p)
	}
	_, err = config.LoadDefaults(settingsFile(t, strings.Replace(wholeFile, "rate: 2.5", "rate: fast", 1)))
	if err == nil || !strings.Contains(err.Error(), "shops.yaml:11:5: merchants[0].rate is a text") {
		t.Errorf("what is wrong otherwise: %v", err)
	}
}

func TestUnreadableFiles(t *testing.T) {
	folder := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(folder, "nowhere.yaml"): "nowhere.yaml: no such file or directory",
		folder:                                "is a directory",
		"/dev/zero":                           "/dev/zero: is larger than 1048576 bytes",
	} {
		_, err := config.LoadFile(path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
		if all := (config.Errors)(nil); !errors.As(err, &all) {
			t.Errorf("%s: no Errors: %T", path, err)
		}
	}
}

func TestProblemsHaveTheirPlace(t *testing.T) {
	path := settingsFile(t, "merchants: 5\n")
	_, err := config.LoadFile(path)
	p, ok := errors.AsType[*strictyaml.Problem](err)
	if !ok || p.File != path || p.Line != 1 || p.Column != 1 {
		t.Errorf("%+v of %v", p, err)
	}
}
