package config_test

import (
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/merchant"
)

const onlyTokens = "tokens:\n  - name: shop\n    token: {file: token}\n"

func TestSettingsWithoutAFile(t *testing.T) {
	s, err := config.SettingsFile{}.Settings(merchantM1(), gateway())
	if err != nil || len(s.Merchants) != 1 || s.Merchants[0].ID != "M-1" || len(s.Tokens) != 0 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := (config.SettingsFile{}).Settings(config.Merchant{}, config.Gateway{}); err == nil {
		t.Error("no settings at all are in force")
	}
}

func TestSettingsOfAFile(t *testing.T) {
	f := config.SettingsFile{Config: settingsFile(t, wholeFile)}
	s, err := f.Settings(config.Merchant{MaxOpen: merchant.DefaultMaxOpen}, config.Gateway{APIKeyEncoding: "ready", AmountUnit: "major", GatewayTimeout: merchant.DefaultTimeout})
	if err != nil || len(s.Merchants) != 2 || len(s.Tokens) != 1 {
		t.Fatalf("%+v %v", s, err)
	}
	if _, ok := merchant.NewDirectory(s.Merchants...).Default(); ok {
		t.Error("one of two merchants is the default, though none is named")
	}
	s, err = f.Settings(config.Merchant{MerchantID: "M-1002"}, config.Gateway{})
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := merchant.NewDirectory(s.Merchants...).Default(); !ok || p.ID != "M-1002" {
		t.Errorf("orders that name no merchant are %q's", p.ID)
	}
}

func TestAFileWithoutMerchants(t *testing.T) {
	f := config.SettingsFile{Config: settingsFile(t, onlyTokens)}
	s, err := f.Settings(merchantM1(), gateway())
	if err != nil || len(s.Merchants) != 1 || len(s.Tokens) != 1 {
		t.Errorf("%+v %v", s, err)
	}
	_, err = f.Settings(config.Merchant{}, config.Gateway{})
	mustList(t, err, f.Config+" has no merchants, so", "--merchant-id", "--gateway-url", "--api-key", "--x-api-key")
	if d, err := f.Defaults(merchantM1()); err != nil || len(d.All()) != 1 {
		t.Errorf("%v %v", d, err)
	}
}

// TestNothingIsSetInVain: a setting beside a file of merchants would count for nothing, and look as if it did.
func TestNothingIsSetInVain(t *testing.T) {
	f := config.SettingsFile{Config: settingsFile(t, wholeFile)}
	m := config.Merchant{MerchantID: "M-9", MerchantEmail: "planted@shop.example", MaxOpen: 5}
	g := config.Gateway{
		GatewayURL: "https://planted.example", APIKey: plantedKey, APIKeyFile: "planted", APIKeyEncoding: "bare", XAPIKey: plantedXKey,
		XAPIKeyFile: "planted", LinkHosts: []string{"planted"}, GatewayTimeout: 1, Rate: 1, AmountUnit: "minor",
	}
	_, err := f.Settings(m, g)
	mustList(t, err, "--merchant-email / HPPLINK_MERCHANT_EMAIL is set beside --config / HPPLINK_CONFIG, and "+f.Config+" sets the merchants up: ",
		"--max-open / ", "--gateway-url / ", "--api-key / ", "--api-key-file / ", "--api-key-encoding / ", "--x-api-key / ", "--x-api-key-file / ",
		"--link-hosts / ", "--gateway-timeout / ", "--rate / ", "--amount-unit / ", "--merchant-id / HPPLINK_MERCHANT_ID: "+f.Config+" has no merchant of this id")
	_, err = f.Defaults(m)
	mustList(t, err, "--merchant-email / ", "--max-open / ", "--merchant-id / ")
}

func TestDefaultsInForce(t *testing.T) {
	if d, err := (config.SettingsFile{}).Defaults(config.Merchant{}); d != nil || err != nil {
		t.Errorf("without any settings: %v %v", d, err)
	}
	d, err := (config.SettingsFile{}).Defaults(config.Merchant{MerchantID: "M-1", MerchantEmail: "a@b.example", MaxOpen: 7})
	if p, _ := d.Default(); err != nil || p.ID != "M-1" || p.Defaults.MerchantEmail != "a@b.example" || p.MaxOpen != 7 {
		t.Errorf("of variables: %+v %v", p, err)
	}
	f := config.SettingsFile{Config: settingsFile(t, wholeFile)}
	d, err = f.Defaults(config.Merchant{MerchantID: "M-1002"})
	if p, _ := d.Default(); err != nil || len(d.All()) != 2 || p.ID != "M-1002" {
		t.Errorf("of a file: %+v %v", p, err)
	}
	f.Config = settingsFile(t, strings.Replace(wholeFile, "country: JP", "country: JAP", 1))
	_, err = f.Defaults(config.Merchant{})
	mustList(t, err, f.Config+":19:25: merchant \"M-1001\": defaults: /billing_address/country: ")
}

func TestMaxOpenOfTheEnvironment(t *testing.T) {
	m := merchantM1()
	m.MaxOpen = 12
	if p, err := gateway().Profile(m); err != nil || p.MaxOpen != 12 {
		t.Errorf("%+v %v", p, err)
	}
	m.MaxOpen = -1
	_, err := gateway().Profile(m)
	mustList(t, err, "--max-open / HPPLINK_MAX_OPEN: ")
}
