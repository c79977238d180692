package config

import (
	"fmt"
	"slices"

	"github.com/hpplink/hpplink/internal/merchant"
)

type changeKind int

const (
	added changeKind = iota
	removed
	changed
)

// change is what became of one merchant's settings. It holds no values, since some are secret.
type change struct {
	id     string
	kind   changeKind
	fields []string // that differ, by their names in the settings file
}

// mends reports whether the gateway may serve the merchant now though it did not before.
func (c change) mends() bool {
	return c.kind == added || slices.ContainsFunc(c.fields, func(f string) bool {
		return f == "gateway_url" || f == "api_key" || f == "x_api_key"
	})
}

// merchantChanges compares profiles that are sorted by id.
func merchantChanges(before, after []merchant.Profile) (all []change) {
	old := map[string]merchant.Profile{}
	for _, p := range before {
		old[p.ID] = p
	}
	for _, p := range after {
		was, known := old[p.ID]
		if delete(old, p.ID); !known {
			all = append(all, change{id: p.ID, kind: added})
		} else if fields := differences(was, p); len(fields) > 0 {
			all = append(all, change{p.ID, changed, fields})
		}
	}
	for _, p := range before {
		if _, gone := old[p.ID]; gone {
			all = append(all, change{id: p.ID, kind: removed})
		}
	}
	return all
}

func differences(a, b merchant.Profile) (fields []string) {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"name", a.Mail.Name == b.Mail.Name},
		{"gateway_url", fmt.Sprint(a.GatewayURL) == fmt.Sprint(b.GatewayURL)},
		{"api_key", a.APIKey.Reveal() == b.APIKey.Reveal()},
		{"x_api_key", a.XAPIKey.Reveal() == b.XAPIKey.Reveal()},
		{"link_hosts", slices.Equal(a.LinkHosts, b.LinkHosts)},
		{"timeout", a.Timeout == b.Timeout},
		{"rate", a.Rate == b.Rate},
		{"concurrency", a.Concurrency == b.Concurrency},
		{"max_open", a.MaxOpen == b.MaxOpen},
		{"amount_unit", a.AmountUnit == b.AmountUnit},
		{"defaults.merchant_email", a.Defaults.MerchantEmail == b.Defaults.MerchantEmail},
		{"defaults.return_url", string(a.Defaults.ReturnURL) == string(b.Defaults.ReturnURL)},
		{"defaults.payment_method", string(a.Defaults.PaymentMethod) == string(b.Defaults.PaymentMethod)},
		{"defaults.billing_address", a.Defaults.BillingCountry == b.Defaults.BillingCountry},
		{"mail.from", a.Mail.From == b.Mail.From},
		{"mail.reply_to", a.Mail.ReplyTo == b.Mail.ReplyTo},
		{"mail.rate", a.Mail.Rate == b.Mail.Rate},
		{"mail.templates", a.Mail.Templates == b.Mail.Templates},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}
