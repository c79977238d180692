package config

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Profile returns the merchant with all that the worker needs, or Errors with everything that is missing or
// wrong, each naming its flag and variable.
func (g Gateway) Profile(m Merchant) (merchant.Profile, error) {
	var errs Errors
	check := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	apiKey, err := secret("api-key", g.APIKey, g.APIKeyFile)
	check(err)
	xAPIKey, err := secret("x-api-key", g.XAPIKey, g.XAPIKeyFile)
	check(err)
	base, err := url.Parse(g.GatewayURL)
	if err != nil {
		check(errors.New("--gateway-url / HPPLINK_GATEWAY_URL: it is no URL"))
	}
	if len(errs) > 0 {
		return merchant.Profile{}, errs
	}

	hosts := g.LinkHosts
	if len(hosts) == 0 {
		hosts = merchant.DefaultLinkHosts
	}
	p := merchant.Profile{
		ID:         m.MerchantID,
		GatewayURL: base,
		APIKey:     merchant.EncodeAPIKey(apiKey, merchant.KeyEncoding(g.APIKeyEncoding)),
		XAPIKey:    merchant.NewSecret(xAPIKey),
		LinkHosts:  hosts,
		Timeout:    g.GatewayTimeout,
		Rate:       g.Rate,
		AmountUnit: merchant.AmountUnit(g.AmountUnit),
		Defaults:   order.Defaults{MerchantEmail: m.MerchantEmail},
	}
	if err := p.Validate(); err != nil {
		return merchant.Profile{}, Errors{fmt.Errorf("the merchant's settings (HPPLINK_GATEWAY_URL, HPPLINK_API_KEY, HPPLINK_X_API_KEY, HPPLINK_MERCHANT_ID, …): %w", err)}
	}
	return p, nil
}
