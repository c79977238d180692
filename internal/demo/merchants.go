package demo

import (
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// merchants are the sample's three shops: in Tokyo, Lisbon and Kuwait. What their orders leave out
// comes from here.
func merchants(gatewayURL *url.URL) *merchant.Directory {
	shop := func(id, name, email, country string) merchant.Profile {
		return merchant.Profile{
			ID: id, GatewayURL: gatewayURL,
			Mail:   merchant.Mail{Name: name},
			APIKey: merchant.NewSecret("demo"), XAPIKey: merchant.NewSecret("demo"),
			Defaults: order.Defaults{
				MerchantEmail:  email,
				ReturnURL:      jsontext.Value(`{"success_url":"https://shop.example/thanks","cancel_url":"https://shop.example/cart"}`),
				PaymentMethod:  jsontext.Value(`{"type":"scheme"}`),
				BillingCountry: country,
			},
		}
	}
	return merchant.NewDirectory(
		shop("M-1001", "さくら商店", "tokyo@shop.example", "JP"),
		shop("M-2002", "Loja do Tejo", "lisboa@shop.example", "PT"),
		shop("M-3003", "سوق الكويت", "kuwait@shop.example", "KW"),
	)
}
