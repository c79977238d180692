package sandbox_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

func (g gateway) page(link string) reply {
	return g.call("GET", strings.TrimPrefix(link, g.http.URL), "")
}

func TestPaymentPage(t *testing.T) {
	g := start(t, sandbox.Options{})
	r := g.page(g.post("INV-1").text("url"))
	for _, want := range []string{"Sandbox: no payment is taken", "M1", "¥1,000", "INV-1", "b•••@testemail.com",
		"Shinjuku-ku", "JP", "Sandbox: nothing was charged"} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, bad := range []string{"billing@", "8112345678", "1-2-3", "<script", "src=", "ZgotmplZ"} {
		if strings.Contains(r.body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if r.status != 200 || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", r.status, r.header)
	}
}

// A hash that is wrong by one byte leaves the pages without style.
func TestContentPolicyAllowsTheStyleAndNothingElse(t *testing.T) {
	g := start(t, sandbox.Options{})
	for _, p := range []string{"/", "/jp/HostedPaymentPage/nonesuch"} {
		r := g.page(p)
		style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(r.body)
		if style == nil {
			t.Fatalf("%s has no style", p)
		}
		sum := sha256.Sum256([]byte(style[1]))
		want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if got := r.header.Get("Content-Security-Policy"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: policy %s, want %s", p, got, want)
		}
		if strings.Contains(r.body, "style=") {
			t.Errorf("%s has a style attribute, which the policy forbids", p)
		}
	}
}

func TestAmountsForPeople(t *testing.T) {
	g := start(t, sandbox.Options{})
	for _, c := range []struct{ amount, currency, want string }{
		{"1000", "JPY", "¥1,000"},
		{"12.5", "KWD", "KWD 12.500"},
		{"1234567.8", "USD", "$1,234,567.80"},
		{"0.05", "EUR", "€0.05"},
		{"7", "CAD", "CAD 7.00"},
		{"10.5", "JPY", "¥10.5"},
		{`""`, "JPY", "The customer enters the amount (JPY)"},
	} {
		b := strings.Replace(strings.Replace(example, `1000`, c.amount, 1), `JPY`, c.currency, 1)
		r := g.page(g.do(request(g.http.URL, b)).text("url"))
		if !strings.Contains(strings.ReplaceAll(r.body, "\u00a0", " "), ">"+c.want+"<") {
			t.Errorf("%s %s is not shown as %s", c.amount, c.currency, c.want)
		}
	}
}

func TestHostileTextIsShownAsItIs(t *testing.T) {
	g := start(t, sandbox.Options{})
	for ref, want := range map[string]string{
		`<script>alert(1)</script>`:   "&lt;script&gt;alert(1)&lt;/script&gt;",
		"A\u202e1-VNI":                "A⟨U+202E⟩1-VNI",
		"a\u200fb\u2066c":             "a⟨U+200F⟩b⟨U+2066⟩c",
		`" onmouseover="alert(1)`:     "&#34; onmouseover=&#34;alert(1)",
		"nul\x00":                     "nul⟨U+0000⟩",
		`</style><img src=x>{{.Ref}}`: "&lt;/style&gt;&lt;img src=x&gt;{{.Ref}}",
	} {
		pay := g.page(g.post(ref).text("url")).body
		for name, html := range map[string]string{"payment": pay, "index": g.page("/").body} {
			html = strings.ReplaceAll(html, "&#43;", "+")
			if !strings.Contains(html, want) || strings.Contains(html, ref) {
				t.Errorf("%s: %q is not shown as %q", name, ref, want)
			}
		}
	}
}

func TestMissingPage(t *testing.T) {
	g := start(t, sandbox.Options{})
	for _, p := range []string{"/jp/HostedPaymentPage/nonesuch", "/nowhere"} {
		if r := g.page(p); r.status != 404 || !strings.Contains(r.body, "There is no payment page here") {
			t.Errorf("%s: %d", p, r.status)
		}
	}
}

func TestOldPagesAreForgotten(t *testing.T) {
	g := start(t, sandbox.Options{JournalLimit: 2})
	var links []string
	for i := range 3 {
		links = append(links, g.post(fmt.Sprint("R", i)).text("url"))
	}
	for i, status := range []int{404, 200, 200} {
		if r := g.page(links[i]); r.status != status {
			t.Errorf("page %d: %d", i, r.status)
		}
	}
}

func TestIndex(t *testing.T) {
	g := start(t, sandbox.Options{Faults: faults(t, "500=0")})
	for i := range 25 {
		g.post(fmt.Sprintf("INV-%02d", i))
	}
	b := g.page("/").body
	if n := strings.Count(b, `href="/jp/HostedPaymentPage/`); n != 20 {
		t.Errorf("%d links", n)
	}
	if strings.Contains(b, "INV-04<") || strings.Index(b, "INV-24<") > strings.Index(b, "INV-05<") {
		t.Error("not the newest links first")
	}
	for _, want := range []string{"500=0", "curl " + g.http.URL + "/api/v1/server-to-server", "reset-after"} {
		if !strings.Contains(b, want) {
			t.Errorf("no %q", want)
		}
	}
}
