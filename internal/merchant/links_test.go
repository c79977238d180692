package merchant_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/merchant"
)

const (
	remote = "https://api.paymentoptions.com/api/v1"
	local  = "http://127.0.0.1:9090/api/v1"
)

// expectLink checks what a profile says of a link. A link that url.Parse
// refuses can never be one.
func expectLink(t *testing.T, gateway string, hosts []string, link string, allowed bool) {
	t.Helper()
	u, err := url.Parse(link)
	if err == nil {
		p := merchant.Profile{GatewayURL: parse(t, gateway), LinkHosts: hosts}
		err = p.AllowsLink(u)
	}
	if (err == nil) != allowed {
		t.Errorf("gateway %s, hosts %q, link %q: %v; want allowed %v", gateway, hosts, link, err, allowed)
	}
}

func TestDefaultLinkHosts(t *testing.T) {
	for link, allowed := range map[string]bool{
		"https://checkout-dev.paymentoptions.com/jp/HostedPaymentPage/hKJsdByR": true,
		"https://a.b.c.paymentoptions.com/x?y=z#w":                              true,
		"https://CHECKOUT.PaymentOptions.COM/x":                                 true,
		"HTTPS://checkout.paymentoptions.com/x":                                 true,
		"https://checkout.paymentoptions.com:443/x":                             true,

		"https://paymentoptions.com/x":                                false, // no sub-domain
		"https://evil-paymentoptions.com/x":                           false,
		"https://evilpaymentoptions.com/x":                            false,
		"https://paymentoptions.com.evil.com/x":                       false,
		"https://checkout.paymentoptions.com.evil.com/x":              false,
		"https://checkout.paymentoptions.comevil/x":                   false,
		"https://evil.com/checkout.paymentoptions.com":                false,
		"https://evil.com?checkout.paymentoptions.com":                false,
		"https://evil.com#.paymentoptions.com":                        false,
		"https://checkout.paymentoptions.com@evil.com/x":              false,
		"https://evil.com@checkout.paymentoptions.com/x":              false,
		"https://user:pass@checkout.paymentoptions.com/x":             false,
		"https://@checkout.paymentoptions.com/x":                      false,
		"https://checkout.paymentoptions.com./x":                      false,
		"https://checkout.paymentoptions.com.:443/x":                  false,
		"https://.paymentoptions.com/x":                               false,
		"https://a..paymentoptions.com/x":                             false,
		"https://-a.paymentoptions.com/x":                             false,
		"https://checkout.paymentoptions.com:8443/x":                  false,
		"https://checkout.paymentoptions.com:80/x":                    false,
		"https://checkout.paymentoptions.com:/x":                      false,
		"https://checkout.paymentoptions.com:0443/x":                  false,
		"http://checkout.paymentoptions.com/x":                        false,
		"http://checkout.paymentoptions.com:443/x":                    false,
		"ftp://checkout.paymentoptions.com/x":                         false,
		"javascript:alert(1)//checkout.paymentoptions.com":            false,
		"//checkout.paymentoptions.com/x":                             false,
		"checkout.paymentoptions.com/x":                               false,
		"https:checkout.paymentoptions.com/x":                         false,
		"https:///checkout.paymentoptions.com/x":                      false,
		`https:\\checkout.paymentoptions.com\x`:                       false,
		`https://evil.com\.paymentoptions.com/x`:                      false,
		`https://evil.com\@checkout.paymentoptions.com/x`:             false,
		"https://evil.com%2f.paymentoptions.com/x":                    false,
		"https://evil.com%00.paymentoptions.com/x":                    false,
		"https://evil.com\t.paymentoptions.com/x":                     false,
		"https://evil.com .paymentoptions.com/x":                      false,
		"https://evil_x.paymentoptions.com/x":                         false,
		"https://évil.paymentoptions.com/x":                           false,
		"https://checkout.paymentoptiоns.com/x":                       false, // a Cyrillic о
		"https://checkout。paymentoptions.com/x":                       false, // an ideographic full stop
		"https://checkout.ｐaymentoptions.com/x":                       false, // a full-width p
		"https://checkout.paymentoption\u017f.com/x":                  false, // a long s, which folds to s
		"https://[::1].paymentoptions.com/x":                          false,
		"https://203.0.113.7/x":                                       false,
		"https://" + strings.Repeat("a.", 130) + "paymentoptions.com": false,
		"": false,
	} {
		expectLink(t, remote, nil, link, allowed)
	}
}

func TestLinkHostPatterns(t *testing.T) {
	hosts := []string{"pay.shop.example", "*.Pages.example", "*", "*.com", "*evil.example", "sub.*.example"}
	for link, allowed := range map[string]bool{
		"https://pay.shop.example/x":            true,
		"https://PAY.shop.example/x":            true,
		"https://a.pages.example/x":             true,
		"https://a.pay.shop.example/x":          false,
		"https://shop.example/x":                false,
		"https://checkout.paymentoptions.com/x": false, // the default is replaced
		"https://a.example.com/x":               false, // patterns too wide or malformed match nothing
		"https://notevil.example/x":             false,
		"https://sub.a.example/x":               false,
	} {
		expectLink(t, remote, hosts, link, allowed)
	}
}

func TestLoopbackLinksNeedALoopbackGateway(t *testing.T) {
	for _, link := range []string{"http://127.0.0.1:9090/x", "http://localhost/x", "https://LOCALHOST:1/x", "http://[::1]:8080/x", "http://127.8.9.1/x", "http://[::ffff:127.0.0.1]/x"} {
		for _, gateway := range []string{local, "https://localhost/api/v1", "http://[::1]:9090"} {
			expectLink(t, gateway, nil, link, true)
		}
		for _, gateway := range []string{remote, "https://localhost.evil.example", "https://127.0.0.1.evil.example"} {
			expectLink(t, gateway, []string{"localhost", "127.0.0.1"}, link, false)
		}
		expectLink(t, local, nil, strings.Replace(link, "://", "://user@", 1), false)
	}
	for _, link := range []string{"http://checkout.paymentoptions.com/x", "http://127.0.0.1.evil.example/x", "http://localhost.evil.example/x", "http://localhost./x", "http://192.0.2.1/x", "ftp://localhost/x"} {
		expectLink(t, local, nil, link, false)
	}
	expectLink(t, local, nil, "https://checkout.paymentoptions.com/x", true)
}

func TestAllowsLinkOfOddInputs(t *testing.T) {
	p := merchant.Profile{}
	for name, u := range map[string]*url.URL{
		"nil":                        nil,
		"empty":                      {},
		"loopback without a gateway": {Scheme: "http", Host: "localhost"},
		"made by hand":               {Scheme: "https", Host: `evil.com/.paymentoptions.com`},
		"with opaque":                {Scheme: "https", Host: "a.paymentoptions.com", Opaque: "//evil.com"},
	} {
		if p.AllowsLink(u) == nil {
			t.Errorf("%s: allowed", name)
		}
	}
}

func TestLinkErrorsNameTheHostOnly(t *testing.T) {
	u := parse(t, "https://"+strings.Repeat("evil.", 40)+"example/path-"+marker+"?q="+marker)
	err := merchant.Profile{}.AllowsLink(u)
	if err == nil || !strings.Contains(err.Error(), "evil.") || strings.Contains(err.Error(), marker) || len(err.Error()) > 300 {
		t.Errorf("%v", err)
	}
}
