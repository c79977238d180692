package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Profile returns the merchant with all that the worker needs, or Errors with everything that is missing or
// wrong, each naming its flag and variable.
func (g Gateway) Profile(m Merchant) (merchant.Profile, error) {
	p := merchant.Profile{
		ID: m.MerchantID, Timeout: g.GatewayTimeout, Rate: g.Rate, MaxOpen: m.MaxOpen, AmountUnit: merchant.AmountUnit(g.AmountUnit),
		LinkHosts: g.LinkHosts, Defaults: order.Defaults{MerchantEmail: m.MerchantEmail},
	}
	if len(p.LinkHosts) == 0 {
		p.LinkHosts = merchant.DefaultLinkHosts
	}
	unread, errs := g.read(&p)
	if errs = append(errs, problems(p, unread)...); len(errs) > 0 {
		return merchant.Profile{}, errs
	}
	return p, nil
}

// read puts in what has a form or a file of its own. What can not be read is told once, and not called missing as well.
func (g Gateway) read(p *merchant.Profile) (unread map[string]bool, errs Errors) {
	unread = map[string]bool{}
	fail := func(field string, err error) {
		unread[field] = true
		errs = append(errs, err)
	}
	if key, err := secret("api-key", g.APIKey, g.APIKeyFile); err != nil {
		fail("api_key", err)
	} else {
		p.APIKey = merchant.EncodeAPIKey(key, merchant.KeyEncoding(g.APIKeyEncoding))
	}
	if key, err := secret("x-api-key", g.XAPIKey, g.XAPIKeyFile); err != nil {
		fail("x_api_key", err)
	} else {
		p.XAPIKey = merchant.NewSecret(key)
	}
	if u, err := url.Parse(g.GatewayURL); err != nil { // not wrapped: it quotes the URL, which may hold a password
		fail("gateway_url", errors.New("--gateway-url / HPPLINK_GATEWAY_URL: it is no URL"))
	} else if g.GatewayURL != "" {
		p.GatewayURL = u
	}
	return unread, errs
}

// settings are the parts of a profile with the names that they are set by.
var settings = []struct{ field, names string }{
	{"id", "--merchant-id / HPPLINK_MERCHANT_ID"},
	{"defaults", "--merchant-email / HPPLINK_MERCHANT_EMAIL"},
	{"max_open", "--max-open / HPPLINK_MAX_OPEN"},
	{"gateway_url", "--gateway-url / HPPLINK_GATEWAY_URL"},
	{"api_key", "--api-key / HPPLINK_API_KEY or …_FILE"},
	{"x_api_key", "--x-api-key / HPPLINK_X_API_KEY or …_FILE"},
	{"link_hosts", "--link-hosts / HPPLINK_LINK_HOSTS"},
	{"timeout", "--gateway-timeout / HPPLINK_GATEWAY_TIMEOUT"},
	{"rate", "--rate / HPPLINK_RATE"},
	{"amount_unit", "--amount-unit / HPPLINK_AMOUNT_UNIT"},
}

// problems names what is wrong with a profile as it was set, without the merchant's id, since here there is one merchant.
func problems(p merchant.Profile, unread map[string]bool) (errs Errors) {
	for _, s := range settings {
		for _, problem := range fieldErrors(p) {
			if field, _, _ := strings.Cut(strings.ReplaceAll(problem.Field, "[", "."), "."); field == s.field && !unread[field] {
				errs = append(errs, fmt.Errorf("%s: %w", s.names, problem.Err))
			}
		}
	}
	return errs
}

// fieldErrors lists what is wrong with a profile.
func fieldErrors(p merchant.Profile) (all []*merchant.FieldError) {
	joined, _ := p.Validate().(interface{ Unwrap() []error })
	if joined == nil {
		return nil
	}
	for _, err := range joined.Unwrap() {
		if problem, ok := errors.AsType[*merchant.FieldError](err); ok {
			all = append(all, problem)
		}
	}
	return all
}
