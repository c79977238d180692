package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/config"
)

const (
	plantedKey  = "planted-api-key"
	plantedXKey = "planted-x-api-key"
)

func merchantM1() config.Merchant {
	return config.Merchant{MerchantID: "M-1", MerchantEmail: "shop@shop.example"}
}

func gateway() config.Gateway {
	return config.Gateway{GatewayURL: "https://gateway.example/api/v1", APIKey: plantedKey, XAPIKey: plantedXKey, AmountUnit: "major"}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProfile(t *testing.T) {
	g := gateway()
	g.GatewayTimeout, g.Rate = 20*time.Second, 2.5
	p, err := g.Profile(merchantM1())
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != "M-1" || p.Defaults.MerchantEmail != "shop@shop.example" || p.GatewayURL.String() != g.GatewayURL || p.Timeout != 20*time.Second ||
		p.Rate != 2.5 || p.AmountUnit != "major" || len(p.LinkHosts) == 0 || p.APIKey.Reveal() != plantedKey || p.XAPIKey.Reveal() != plantedXKey {
		t.Errorf("%+v", p)
	}
	g.LinkHosts = []string{"pay.example"}
	if p, err := g.Profile(merchantM1()); err != nil || len(p.LinkHosts) != 1 || p.LinkHosts[0] != "pay.example" {
		t.Errorf("%q %v", p.LinkHosts, err)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	g := gateway()
	g.APIKey, g.XAPIKey = "", ""
	g.APIKeyFile, g.XAPIKeyFile = file(t, " "+plantedKey+"\r\n"), file(t, plantedXKey+"\n")
	p, err := g.Profile(merchantM1())
	if err != nil || p.APIKey.Reveal() != plantedKey || p.XAPIKey.Reveal() != plantedXKey {
		t.Errorf("%+v %v", p, err)
	}
}

// TestRegressionProfileTellsAllProblems: a key that could not be read once hid every other problem, and no problem
// named its own flag and variable.
func TestRegressionProfileTellsAllProblems(t *testing.T) {
	missing := []string{
		"--merchant-id / HPPLINK_MERCHANT_ID: ", "--gateway-url / HPPLINK_GATEWAY_URL: gateway URL is missing",
		"--api-key / HPPLINK_API_KEY or …_FILE: API key is missing", "--x-api-key / HPPLINK_X_API_KEY or …_FILE: x-api-key is missing",
	}
	wrong := config.Gateway{
		GatewayURL: "http://user:" + plantedKey + "@gateway.example/\x7f", APIKey: plantedKey, APIKeyFile: "somewhere", XAPIKeyFile: "/no/such/file",
		LinkHosts: []string{"*", "https://x"}, GatewayTimeout: time.Hour, Rate: -1, AmountUnit: "pennies",
	}
	tests := map[string]struct {
		gateway  config.Gateway
		merchant config.Merchant
		want     []string
	}{
		"everything missing": {want: missing},
		"everything wrong": {wrong, config.Merchant{MerchantID: strings.Repeat("m", 200), MerchantEmail: "no address"}, []string{
			"--api-key and --api-key-file are both set: keep one", "--x-api-key-file: ", "--gateway-url / HPPLINK_GATEWAY_URL: it is no URL",
			"--merchant-id / HPPLINK_MERCHANT_ID: ", "--merchant-email / HPPLINK_MERCHANT_EMAIL: ", "--link-hosts / HPPLINK_LINK_HOSTS: ",
			"--link-hosts / HPPLINK_LINK_HOSTS: ", "--gateway-timeout / HPPLINK_GATEWAY_TIMEOUT: ", "--rate / HPPLINK_RATE: ", "--amount-unit / HPPLINK_AMOUNT_UNIT: ",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := test.gateway.Profile(test.merchant)
			mustList(t, err, test.want...)
		})
	}
}

// mustList wants one line for each problem, in order, and no key in any.
func mustList(t *testing.T, err error, want ...string) {
	t.Helper()
	var all config.Errors
	if !errors.As(err, &all) {
		t.Fatalf("no Errors: %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) || len(all) != len(want) {
		t.Errorf("%d problems on %d lines, want %d:\n%v", len(all), len(lines), len(want), err)
	}
	for i := range min(len(lines), len(want)) {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("line %d is %q, want %q…", i+1, lines[i], want[i])
		}
	}
	if strings.Contains(err.Error(), "planted") {
		t.Errorf("shows a key: %v", err)
	}
}

func TestKeysAreNeverShown(t *testing.T) {
	unsafe := map[string]func(*config.Gateway){
		"line break in the API key": func(g *config.Gateway) { g.APIKey = plantedKey + "\nx" },
		"space in the x-api-key":    func(g *config.Gateway) { g.XAPIKey = plantedXKey + " x" },
		"both set":                  func(g *config.Gateway) { g.XAPIKeyFile = file(t, plantedXKey) },
		"a broken file":             func(g *config.Gateway) { g.APIKey, g.APIKeyFile = "", file(t, plantedKey+"\n"+plantedKey) },
		"a key in the URL":          func(g *config.Gateway) { g.GatewayURL = "https://" + plantedKey + "@gateway.example/" },
	}
	for name, spoil := range unsafe {
		t.Run(name, func(t *testing.T) {
			g := gateway()
			spoil(&g)
			_, err := g.Profile(merchantM1())
			mustList(t, err, "--")
		})
	}
}

func TestErrorsUnwrap(t *testing.T) {
	g := gateway()
	g.APIKey, g.APIKeyFile = "", filepath.Join(t.TempDir(), "nowhere")
	if _, err := g.Profile(merchantM1()); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "--api-key-file: ") {
		t.Errorf("got %v", err)
	}
}

func TestNamespace(t *testing.T) {
	for namespace, fits := range map[string]bool{
		"hpp": true, "shop-1_a.B": true, "": false, "a{b}": false, "a:b": false, "a b": false, "a/b": false, "注文": false,
	} {
		err := config.Redis{Redis: "redis://127.0.0.1", Namespace: namespace}.CheckShared()
		if (err == nil) != fits || err != nil && !strings.Contains(err.Error(), "--namespace / HPPLINK_NAMESPACE") {
			t.Errorf("%q: %v", namespace, err)
		}
	}
}

// TestRegressionEmbeddedIsRefused: orders handed to an embedded Redis were accepted, and gone at the end of the command.
func TestRegressionEmbeddedIsRefused(t *testing.T) {
	err := config.Redis{Redis: "embedded", Namespace: ""}.CheckShared()
	if !errors.Is(err, config.ErrEmbedded) {
		t.Errorf("got %v", err)
	}
	mustList(t, err, "--redis / HPPLINK_REDIS: ", "--namespace / HPPLINK_NAMESPACE: ")
}

func TestDurabilityNeedsReplicas(t *testing.T) {
	mustList(t, config.Redis{Redis: "embedded", Namespace: "hpp", Durability: "replica"}.Check(), "--durability / HPPLINK_DURABILITY: ")
	for _, r := range []config.Redis{{Redis: "embedded", Namespace: "hpp", Durability: "master"}, {Redis: "redis://h", Namespace: "hpp", Durability: "replica"}} {
		if err := r.Check(); err != nil || r.Durable() != (r.Durability == "replica") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
