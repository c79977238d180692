package config_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/merchant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reloading is a reloader of a settings file, with all that it logged and told.
type reloading struct {
	config.Reloader
	path   string
	log    bytes.Buffer
	mended []string
	tokens int
}

func newReloading(t *testing.T, text string) *reloading {
	t.Helper()
	r := &reloading{path: settingsFile(t, text)}
	f := config.SettingsFile{Config: r.path}
	s, err := f.Settings(config.Merchant{}, config.Gateway{})
	if err != nil {
		t.Fatal(err)
	}
	r.Reloader = config.Reloader{
		Load:      func() (config.Settings, error) { return f.Settings(config.Merchant{}, config.Gateway{}) },
		Merchants: merchant.NewDirectory(s.Merchants...),
		Tokens:    s.Tokens,
		Log: slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})),
		Applied: func(s config.Settings, mended []string) { r.mended, r.tokens = mended, len(s.Tokens) },
	}
	return r
}

// change replaces texts in the file and reloads it.
func (r *reloading) change(t *testing.T, replace ...string) bool {
	t.Helper()
	text, err := os.ReadFile(r.path)
	if err == nil {
		err = os.WriteFile(r.path, []byte(strings.NewReplacer(replace...).Replace(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.log.Reset()
	return r.Reload()
}

func (r *reloading) mustLog(t *testing.T, want string) {
	t.Helper()
	if got := r.log.String(); got != want {
		t.Errorf("logged\n%swant\n%s", got, want)
	}
	if strings.Contains(r.log.String(), "planted") {
		t.Errorf("logged a secret:\n%s", r.log.String())
	}
}

const said = `msg="the settings were reloaded: `

func TestReload(t *testing.T) {
	r := newReloading(t, wholeFile)
	if !r.change(t) || len(r.mended) != 0 || r.tokens != 1 {
		t.Error("the same file again")
	}
	r.mustLog(t, "level=INFO "+said+"nothing has changed\"\n")

	r.change(t, "rate: 2.5", "rate: 5", "max_open: 5000", "max_open: 6000", "country: JP", "country: FR")
	r.mustLog(t, "level=INFO "+said+"a merchant has changed\" merchant=M-1001 settings=\"rate, max_open, defaults.billing_address\"\n")
	if p, _ := r.Merchants.Lookup("M-1001"); p.Rate != 5 || p.MaxOpen != 6000 || len(r.mended) != 0 {
		t.Errorf("%+v; mended %q", p, r.mended)
	}

	r.change(t, "inline: planted-x-api-key", "inline: planted-new-key", "name: shop", "name: till")
	r.mustLog(t, "level=INFO "+said+"a merchant has changed\" merchant=M-1002 settings=x_api_key\n"+
		"level=INFO "+said+"a token is new\" token=till\nlevel=INFO "+said+"a token is gone\" token=shop\n")
	if p, _ := r.Merchants.Lookup("M-1002"); p.XAPIKey.Reveal() != "planted-new-key" || !slices.Equal(r.mended, []string{"M-1002"}) {
		t.Errorf("mended %q", r.mended)
	}
}

func TestAMerchantComesAndGoes(t *testing.T) {
	r := newReloading(t, wholeFile)
	r.change(t, "id: M-1002", "id: M-1003")
	r.mustLog(t, "level=INFO "+said+"a new merchant\" merchant=M-1003\n"+
		"level=WARN "+said+"a merchant is gone; its open orders wait until it is back\" merchant=M-1002\n")
	if _, found := r.Merchants.Lookup("M-1002"); found || !slices.Equal(r.mended, []string{"M-1003"}) {
		t.Errorf("mended %q", r.mended)
	}
}

// TestABadFileChangesNothing: each problem is logged, and what was in force stays.
func TestABadFileChangesNothing(t *testing.T) {
	r := newReloading(t, wholeFile)
	before := r.Merchants.All()
	if r.change(t, "rate: 2.5", "rate: planted", "id: M-1002", "idd: M-1002") {
		t.Error("a bad file is in force")
	}
	const kept = `level=ERROR msg="the settings were not reloaded, and stay as they were" problem="`
	r.mustLog(t, kept+r.path+`:11:5: merchants[0].rate is a text: it must be a number like 20"`+"\n"+
		kept+r.path+`:21:5: the key \"idd\" is not known: did you mean \"id\"?"`+"\n")
	if !reflect.DeepEqual(before, r.Merchants.All()) {
		t.Error("something has changed nevertheless")
	}
}

func TestReloadOnSignals(t *testing.T) {
	loads := make(chan struct{})
	r := config.Reloader{
		Load:      func() (config.Settings, error) { loads <- struct{}{}; return config.Settings{}, errors.New("no") },
		Merchants: merchant.NewDirectory(), Log: slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(t.Context())
	signals, done := make(chan os.Signal), make(chan struct{})
	go func() {
		r.Run(ctx, signals)
		close(done)
	}()
	for range 2 {
		signals <- syscall.SIGHUP
		<-loads
	}
	cancel()
	<-done
}

// TestEveryChangeIsTold: each setting of a profile, when it alone is changed, is named.
func TestEveryChangeIsTold(t *testing.T) {
	for old, test := range map[string]struct{ with, field string }{
		"name: Example Shop":                       {"name: Other", "name"},
		"gateway_url: https://api.p":               {"gateway_url: https://api-dev.p", "gateway_url"},
		"api_key: {file: secrets/m1}":              {"api_key: {inline: planted}", "api_key"},
		"x_api_key: {env: HPPLINK_TEST_X_API_KEY}": {"x_api_key: {inline: planted}", "x_api_key"},
		"pay.shop.example]":                        {"pay2.shop.example]", "link_hosts"},
		"timeout: 20s":                             {"timeout: 21s", "timeout"},
		"rate: 2.5":                                {"rate: 2.6", "rate"},
		"concurrency: 40":                          {"concurrency: 41", "concurrency"},
		"max_open: 5000":                           {"max_open: 5001", "max_open"},
		"amount_unit: minor":                       {"amount_unit: major", "amount_unit"},
		"merchant_email: shop@":                    {"merchant_email: shop2@", "defaults.merchant_email"},
		"success_url":                              {"cancel_url", "defaults.return_url"},
		"type: scheme":                             {"type: gcash", "defaults.payment_method"},
		"country: JP":                              {"country: FR", "defaults.billing_address"},
		"from: \"Shop":                             {"from: \"Till", "mail.from"},
		"reply_to: help@":                          {"reply_to: help2@", "mail.reply_to"},
		"templates: mail":                          {"templates: secrets", "mail.templates"},
	} {
		r := newReloading(t, strings.Split(wholeFile, "  - id: M-1002")[0])
		if !r.change(t, old, test.with) || !strings.Contains(r.log.String(), "merchant=M-1001 settings="+test.field+"\n") {
			t.Errorf("%s: logged %s", old, r.log.String())
		}
	}
	if n := reflect.TypeFor[merchant.Profile]().NumField(); n != 13 {
		t.Errorf("a profile has %d settings: is a change of each told?", n)
	}
}
