package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Profile returns the merchant with all that the worker needs, or Errors with everything that is missing or
// wrong, each naming its flag and variable.
func (g Gateway) Profile(m Merchant) (merchant.Profile, error) {
	p := rightProfile() // so that what can not be read is told once, and not called missing as well
	p.ID, p.Timeout, p.Rate, p.AmountUnit = m.MerchantID, g.GatewayTimeout, g.Rate, merchant.AmountUnit(g.AmountUnit)
	p.Defaults = order.Defaults{MerchantEmail: m.MerchantEmail}
	p.LinkHosts = g.LinkHosts
	if len(p.LinkHosts) == 0 {
		p.LinkHosts = merchant.DefaultLinkHosts
	}
	errs := g.read(&p)
	if errs = append(errs, problems(p)...); len(errs) > 0 {
		return merchant.Profile{}, errs
	}
	return p, nil
}

// read puts in what has a form or a file of its own.
func (g Gateway) read(p *merchant.Profile) (errs Errors) {
	if key, err := secret("api-key", g.APIKey, g.APIKeyFile); err != nil {
		errs = append(errs, err)
	} else {
		p.APIKey = merchant.EncodeAPIKey(key, merchant.KeyEncoding(g.APIKeyEncoding))
	}
	if key, err := secret("x-api-key", g.XAPIKey, g.XAPIKeyFile); err != nil {
		errs = append(errs, err)
	} else {
		p.XAPIKey = merchant.NewSecret(key)
	}
	if g.GatewayURL == "" {
		p.GatewayURL = nil
	} else if u, err := url.Parse(g.GatewayURL); err != nil { // not wrapped: it quotes the URL, which may hold a password
		errs = append(errs, errors.New("--gateway-url / HPPLINK_GATEWAY_URL: it is no URL"))
	} else {
		p.GatewayURL = u
	}
	return errs
}

// rightProfile is one that nothing is wrong with.
func rightProfile() merchant.Profile {
	return merchant.Profile{
		ID: "M", GatewayURL: &url.URL{Scheme: "https", Host: "gateway.example"}, APIKey: merchant.NewSecret("k"), XAPIKey: merchant.NewSecret("k"),
	}
}

// settings are the parts of a profile with the names that they are set by.
var settings = []struct {
	names string
	put   func(to *merchant.Profile, from merchant.Profile)
}{
	{"--merchant-id / HPPLINK_MERCHANT_ID", func(to *merchant.Profile, from merchant.Profile) { to.ID = from.ID }},
	{"--merchant-email / HPPLINK_MERCHANT_EMAIL", func(to *merchant.Profile, from merchant.Profile) { to.Defaults = from.Defaults }},
	{"--gateway-url / HPPLINK_GATEWAY_URL", func(to *merchant.Profile, from merchant.Profile) { to.GatewayURL = from.GatewayURL }},
	{"--api-key / HPPLINK_API_KEY or …_FILE", func(to *merchant.Profile, from merchant.Profile) { to.APIKey = from.APIKey }},
	{"--x-api-key / HPPLINK_X_API_KEY or …_FILE", func(to *merchant.Profile, from merchant.Profile) { to.XAPIKey = from.XAPIKey }},
	{"--link-hosts / HPPLINK_LINK_HOSTS", func(to *merchant.Profile, from merchant.Profile) { to.LinkHosts = from.LinkHosts }},
	{"--gateway-timeout / HPPLINK_GATEWAY_TIMEOUT", func(to *merchant.Profile, from merchant.Profile) { to.Timeout = from.Timeout }},
	{"--rate / HPPLINK_RATE", func(to *merchant.Profile, from merchant.Profile) { to.Rate = from.Rate }},
	{"--amount-unit / HPPLINK_AMOUNT_UNIT", func(to *merchant.Profile, from merchant.Profile) { to.AmountUnit = from.AmountUnit }},
}

// problems has each setting validated by itself, since a profile does not know by which names it was set.
func problems(p merchant.Profile) (errs Errors) {
	for _, s := range settings {
		one := rightProfile()
		s.put(&one, p)
		var all interface{ Unwrap() []error }
		if !errors.As(one.Validate(), &all) {
			continue
		}
		for _, err := range all.Unwrap() {
			// The cause alone: around it stands the merchant's id, and here there is one merchant.
			errs = append(errs, fmt.Errorf("%s: %w", s.names, cmp.Or(errors.Unwrap(err), err)))
		}
	}
	return errs
}
