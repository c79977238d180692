package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hpplink/hpplink/internal/merchant"
)

// SettingsFile names the file of merchants and tokens.
//
// A file with merchants holds all of them: then what sets up the one merchant of flags and variables is refused beside it,
// since one of the two would count for nothing. A file without merchants leaves that one merchant in force.
type SettingsFile struct {
	Config string `env:"HPPLINK_CONFIG" placeholder:"FILE" help:"Settings file (YAML) with merchants and the tokens of the HTTP interface. Its merchants take the place of the one that flags and variables set up; --merchant-id then names the one that orders without a merchant_id belong to."`
}

// Settings returns the settings in force: those of the file, and its merchants or else the one of flags and variables. The
// error is Errors.
func (f SettingsFile) Settings(m Merchant, g Gateway) (Settings, error) {
	var s Settings
	if f.Config != "" {
		var err error
		if s, err = LoadFile(f.Config); err != nil {
			return Settings{}, err
		}
	}
	if len(s.Merchants) > 0 {
		return s, f.join(s.Merchants, m, g)
	}
	p, err := g.Profile(m)
	if err != nil {
		return Settings{}, f.explain(err)
	}
	s.Merchants = []merchant.Profile{p}
	return s, nil
}

// Defaults returns the directory of merchants for a door that only takes orders in: it needs no secret to be readable,
// and holds none. It is nil when there is neither a file with merchants nor the name of one: then the worker's settings
// alone decide.
func (f SettingsFile) Defaults(m Merchant) (*merchant.Directory, error) {
	return f.without(m, LoadDefaults)
}

// Letters is Defaults for who writes to the customers: it knows the folders of mail templates too.
func (f SettingsFile) Letters(m Merchant) (*merchant.Directory, error) {
	return f.without(m, LoadLetters)
}

func (f SettingsFile) without(m Merchant, secrets func(path string) (Settings, error)) (*merchant.Directory, error) {
	if f.Config == "" {
		return m.Defaults(), nil
	}
	s, err := secrets(f.Config)
	if err != nil {
		return nil, err
	}
	if len(s.Merchants) == 0 {
		return m.Defaults(), nil
	}
	if err := f.join(s.Merchants, m, Gateway{}); err != nil {
		return nil, err
	}
	return merchant.NewDirectory(s.Merchants...), nil
}

// join refuses what the file leaves without effect, and marks the merchant of orders that name none.
func (f SettingsFile) join(all []merchant.Profile, m Merchant, g Gateway) error {
	var errs Errors
	for _, name := range beside(m, g) {
		errs = append(errs, fmt.Errorf("%s is set beside --config / HPPLINK_CONFIG, and %s sets the merchants up: put it there, or take it away", name, f.Config))
	}
	if m.MerchantID != "" {
		i := slices.IndexFunc(all, func(p merchant.Profile) bool { return p.ID == m.MerchantID })
		if i < 0 {
			errs = append(errs, fmt.Errorf("--merchant-id / HPPLINK_MERCHANT_ID: %s has no merchant of this id: correct one of them", f.Config))
		} else {
			all[i].Default = true
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// beside names what is set of the one merchant, other than its id. What is set to its default can not be told from what
// is not set, and does no harm.
func beside(m Merchant, g Gateway) (names []string) {
	for _, s := range []struct {
		name string
		set  bool
	}{
		{"--merchant-email / HPPLINK_MERCHANT_EMAIL", m.MerchantEmail != ""},
		{"--max-open / HPPLINK_MAX_OPEN", m.MaxOpen != 0 && m.MaxOpen != merchant.DefaultMaxOpen},
		{"--gateway-url / HPPLINK_GATEWAY_URL", g.GatewayURL != ""},
		{"--api-key / HPPLINK_API_KEY", g.APIKey != ""},
		{"--api-key-file / HPPLINK_API_KEY_FILE", g.APIKeyFile != ""},
		{"--api-key-encoding / HPPLINK_API_KEY_ENCODING", g.APIKeyEncoding != "" && g.APIKeyEncoding != string(merchant.KeyReady)},
		{"--x-api-key / HPPLINK_X_API_KEY", g.XAPIKey != ""},
		{"--x-api-key-file / HPPLINK_X_API_KEY_FILE", g.XAPIKeyFile != ""},
		{"--link-hosts / HPPLINK_LINK_HOSTS", len(g.LinkHosts) > 0},
		{"--gateway-timeout / HPPLINK_GATEWAY_TIMEOUT", g.GatewayTimeout != 0 && g.GatewayTimeout != merchant.DefaultTimeout},
		{"--rate / HPPLINK_RATE", g.Rate != 0},
		{"--amount-unit / HPPLINK_AMOUNT_UNIT", g.AmountUnit != "" && g.AmountUnit != string(merchant.Major)},
	} {
		if s.set {
			names = append(names, s.name)
		}
	}
	return names
}

// explain adds to what is missing of the one merchant where it was looked for.
func (f SettingsFile) explain(err error) error {
	if f.Config == "" {
		return err
	}
	return append(Errors{fmt.Errorf("%s has no merchants, so flags and variables are to set one up", f.Config)}, unwrapped(err)...)
}

func unwrapped(err error) Errors {
	if all, ok := errors.AsType[Errors](err); ok {
		return all
	}
	return Errors{err}
}
