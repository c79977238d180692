package merchant_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

func profile(t testing.TB) merchant.Profile {
	return merchant.Profile{
		ID: "M-1001", GatewayURL: parse(t, remote), APIKey: merchant.NewSecret("a2V5Og=="), XAPIKey: merchant.NewSecret(marker),
	}
}

func TestProfileValidate(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*merchant.Profile)
		want   string // "" for a valid profile
	}{
		"the least":        {func(p *merchant.Profile) {}, ""},
		"everything":       {func(p *merchant.Profile) { *p, _ = merchant.NewDirectory(*p).Lookup(p.ID) }, ""},
		"loopback http":    {func(p *merchant.Profile) { p.GatewayURL = parse(t, local) }, ""},
		"localhost http":   {func(p *merchant.Profile) { p.GatewayURL = parse(t, "http://localhost:9090") }, ""},
		"documented base":  {func(p *merchant.Profile) { p.GatewayURL = parse(t, remote+"/api/v1/") }, ""},
		"shortest timeout": {func(p *merchant.Profile) { p.Timeout = time.Second }, ""},
		"longest timeout":  {func(p *merchant.Profile) { p.Timeout = 2 * time.Minute }, ""},
		"exact link host":  {func(p *merchant.Profile) { p.LinkHosts = []string{"pay.shop.example"} }, ""},
		"no id":            {func(p *merchant.Profile) { p.ID = "" }, "merchant_id is required"},
		"odd id":           {func(p *merchant.Profile) { p.ID = " M" }, "begins or ends with white space"},
		"no gateway":       {func(p *merchant.Profile) { p.GatewayURL = nil }, "gateway URL is missing"},
		"no scheme":        {func(p *merchant.Profile) { p.GatewayURL = parse(t, "api.paymentoptions.com/api") }, `scheme "": use https`},
		"other scheme":     {func(p *merchant.Profile) { p.GatewayURL = parse(t, "ftp://api.paymentoptions.com") }, `scheme "ftp": use https`},
		"no host":          {func(p *merchant.Profile) { p.GatewayURL = parse(t, "https:///api") }, "gateway URL has no host"},
		"plain http":       {func(p *merchant.Profile) { p.GatewayURL = parse(t, "http://api.paymentoptions.com") }, "plain http"},
		"almost loopback":  {func(p *merchant.Profile) { p.GatewayURL = parse(t, "http://localhost.evil.example") }, "plain http"},
		"whole URL": {func(p *merchant.Profile) {
			p.GatewayURL = parse(t, remote+"/server-to-server-interface/hpp/generate/link")
		}, `cut "/server-to-server-interface/hpp/generate/link" off`},
		"URL goes too far":   {func(p *merchant.Profile) { p.GatewayURL = parse(t, remote+"/server-to-server-interface/") }, `cut "/server-to-server-interface/" off`},
		"query":              {func(p *merchant.Profile) { p.GatewayURL = parse(t, remote+"?a=b") }, "query or fragment"},
		"password":           {func(p *merchant.Profile) { p.GatewayURL = parse(t, "https://u:"+marker+"@api.paymentoptions.com") }, "user name or password"},
		"no API key":         {func(p *merchant.Profile) { p.APIKey = merchant.Secret{} }, "API key is missing"},
		"no x-api-key":       {func(p *merchant.Profile) { p.XAPIKey = merchant.NewSecret("") }, "x-api-key is missing"},
		"line end in a key":  {func(p *merchant.Profile) { p.XAPIKey = merchant.NewSecret(marker + "\n") }, "x-api-key has a space, line break"},
		"space in a key":     {func(p *merchant.Profile) { p.APIKey = merchant.NewSecret("Bearer " + marker) }, "API key has a space"},
		"umlaut in a key":    {func(p *merchant.Profile) { p.APIKey = merchant.NewSecret(marker + "ü") }, "API key has a space, line break or other"},
		"timeout too short":  {func(p *merchant.Profile) { p.Timeout = 999 * time.Millisecond }, "timeout 999ms is not between 1s and 2m0s"},
		"timeout too long":   {func(p *merchant.Profile) { p.Timeout = 2*time.Minute + 1 }, "is not between"},
		"negative timeout":   {func(p *merchant.Profile) { p.Timeout = -time.Second }, "is not between"},
		"unit":               {func(p *merchant.Profile) { p.AmountUnit = "cents" }, `amount unit "cents" is not known: use "major" or "minor"`},
		"link URL":           {func(p *merchant.Profile) { p.LinkHosts = []string{"https://a.example"} }, "leave out scheme, port and path"},
		"link port":          {func(p *merchant.Profile) { p.LinkHosts = []string{"a.example:443"} }, "leave out scheme, port and path"},
		"link dot":           {func(p *merchant.Profile) { p.LinkHosts = []string{"a.example."} }, "ends in a dot"},
		"any link":           {func(p *merchant.Profile) { p.LinkHosts = []string{"*"} }, "has a * elsewhere"},
		"inner star":         {func(p *merchant.Profile) { p.LinkHosts = []string{"a.*.example"} }, "has a * elsewhere"},
		"star and no dot":    {func(p *merchant.Profile) { p.LinkHosts = []string{"*a.example"} }, "has a * elsewhere"},
		"a whole TLD":        {func(p *merchant.Profile) { p.LinkHosts = []string{"*.com"} }, `"*.com" is too wide`},
		"starred address":    {func(p *merchant.Profile) { p.LinkHosts = []string{"*.0.2.7"} }, "is too wide"},
		"other alphabet":     {func(p *merchant.Profile) { p.LinkHosts = []string{"例え.example"} }, "xn-- form"},
		"empty link host":    {func(p *merchant.Profile) { p.LinkHosts = []string{""} }, "is not a host name"},
		"most of everything": {func(p *merchant.Profile) { p.Concurrency, p.MaxOpen = 10_000, 1_000_000_000 }, ""},
		"concurrency":        {func(p *merchant.Profile) { p.Concurrency = 10_001 }, "concurrency 10001 is not between 1 and 10000"},
		"negative room":      {func(p *merchant.Profile) { p.MaxOpen = -1 }, "max_open -1 is not between 1 and 1000000000"},
		"mail": {func(p *merchant.Profile) {
			p.Mail = merchant.Mail{Name: "Läden & Söhne", From: "pay@shop.example", ReplyTo: `"Shop, Inc." <help@shop.example>`, Templates: "/etc/mail"}
		}, ""},
		"mail from":      {func(p *merchant.Profile) { p.Mail.From = marker }, "mail from is no mail address"},
		"mail reply":     {func(p *merchant.Profile) { p.Mail.ReplyTo = "a@b, " + marker + "@c" }, "mail reply_to is no mail address"},
		"header in mail": {func(p *merchant.Profile) { p.Mail.From = "a@b.example\r\n Bcc: " + marker + "@c.example" }, "mail from is no mail address"},
		"header in name": {func(p *merchant.Profile) { p.Mail.Name = "Shop\r\nBcc: " + marker }, "name has a line break"},
		"long name":      {func(p *merchant.Profile) { p.Mail.Name = strings.Repeat("é", 101) }, "name is longer than 100 characters"},
		"blank name":     {func(p *merchant.Profile) { p.Mail.Name = " " }, "name begins or ends with white space"},
		"templates":      {func(p *merchant.Profile) { p.Mail.Templates = "/a\nb" }, "mail templates has a line break"},
		"bad default":    {func(p *merchant.Profile) { p.Defaults = order.Defaults{BillingCountry: "UK"} }, `defaults: /billing_address/country: "UK"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := profile(t)
			c.change(&p)
			err := p.Validate()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%v, want it valid", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
				t.Errorf("%v, want one line saying %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), marker):
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

func TestProfileValidateTellsAllAtOnce(t *testing.T) {
	p := merchant.Profile{Timeout: time.Hour, AmountUnit: "x", LinkHosts: []string{"*", "a/b"}, Defaults: order.Defaults{MerchantEmail: marker}}
	err := p.Validate()
	if err == nil {
		t.Fatal("valid")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 9 || strings.Contains(err.Error(), marker) {
		t.Errorf("%d lines, want 9:\n%v", len(lines), err)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `merchant "": `) {
			t.Errorf("names no merchant: %q", line)
		}
	}
}

func TestFieldErrorsNameTheSetting(t *testing.T) {
	p := merchant.Profile{
		ID: "M", Rate: -1, LinkHosts: []string{"ok.example", "*"}, Mail: merchant.Mail{From: "x", Name: "a\n"},
		Defaults: order.Defaults{MerchantEmail: "x", ReturnURL: []byte(`{"success_url":"x"}`)},
	}
	var fields []string
	for _, err := range p.Validate().(interface{ Unwrap() []error }).Unwrap() {
		fields = append(fields, err.(*merchant.FieldError).Field)
	}
	want := "gateway_url api_key x_api_key link_hosts[1] rate defaults.merchant_email defaults.return_url.success_url name mail.from"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
