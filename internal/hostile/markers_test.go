package hostile_test

// planted are what must be repeated nowhere: what orders say about people, and secrets.
var planted = map[string]string{
	"merchant_email": "planted.shop@person.example",
	"success_url":    "https://shop.example/ok?s=planted-session-11",
	"decline_url":    "https://shop.example/no?s=planted-session-12",
	"cancel_url":     "https://shop.example/back/planted-session-13",
	"webhook_url":    "https://planted-user:planted-password@shop.example/hook",
	"stored":         "tok_planted_4242424242",
	"stored anew":    "5f0c2b1e-planted-4c3d-9a77", // by the gateway, in its answer
	"first_name":     "Plantedtaro",
	"last_name":      "植田花子",
	"billing_email":  "planted.billing@person.example",
	"billing_phone":  "+81 90-5555-0101",
	"address1":       "Planted Lane \"17\" \\ a/b",
	"address2":       "Apt. Planted-9c <rear> & \"up\"",
	"city":           "植込市🎎",
	"state":          "Plantedshire",
	"postal_code":    "99501-PLANTED",
	"ship_name":      "Ōplanted Şahin-Müller",
	"ship_email":     "planted.shipping@person.example",
	"ship_phone":     "(03) 5555.0202",
	"ship_address1":  "Größenweg 23b",
	"ship_city":      "Plantedkirchen",
	"customer_ip":    "198.51.100.77",
	"note":           "leave it with plantedneighbour",
	"document":       "passport-PL4NT3D",
	"birthday":       "1985-07-23-planted",
	"card":           "planted-card-5555444433331111",
	"to":             "planted.recipient@person.example",
	"to refused":     "planted.refused@person.example",
	"to delayed":     "planted.delayed@person.example",
	"to_name":        "Plantedrecipient O'Neil & Søn",
	"other":          "planted-second-address",
	"metadata":       "planted-metadata-77",  // which results repeat to producers, and nothing else
	"metadata key":   "planted-metadata-key", // likewise
	"unknown key":    "planted_unknown_key",  // which producers are told of, and nobody else
	"api key":        "planted-api-key-1",
	"x-api-key":      "planted-x-api-key-1",
	"second key":     "planted-second-key-2",
	"second x key":   "planted-second-x-key-2",
	"token":          token,
	"wrong token":    "planted-wrong-token-88",
	"redis password": "planted/redis:p@ss#word-55",
	"wrong password": "planted-redis-guess-56",
	"smtp user":      "planted.mailer@person.example",
	"smtp password":  "planted-smtp-password-66",
	"traces header":  "planted-collector-key-71",
	"tracestate":     "planted-tracestate-81",
	"baggage":        "planted-baggage-82",
	"cookie":         "planted-cookie-91",
	"referer":        "planted-referer-92",
	"basic":          "planted-basic-93",
	"query":          "planted-query-94",
}

// toProducers is what whoever handed an order in is told of it again, by contract.
var toProducers = []string{"metadata", "metadata key", "unknown key"}
