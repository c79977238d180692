package mail_test

import (
	"bytes"
	"fmt"
	"html"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// contains reports whether both bodies have a text.
func contains(m *mail.Message, s string) bool {
	page, text := mail.Preview(m)
	return strings.Contains(html.UnescapeString(string(page)), s) && bytes.Contains(text, []byte(s))
}

func TestStructure(t *testing.T) {
	for locale, subject := range map[string]string{
		"en": "Payment link from Sample Shop (2003089893366DTEST)",
		"ja": "【Sample Shop】お支払いのご案内（2003089893366DTEST）",
		"ar": "رابط الدفع من Sample Shop (\u200e2003089893366DTEST\u200e)",
	} {
		l := mail.SampleLetter(locale)
		l.Date = time.Date(2027, 2, 1, 10, 0, 0, 0, time.UTC)
		m := write(t, l)
		p := parse(t, m.Raw())
		if p.tree != "multipart/related(multipart/alternative(text/plain text/html) image/png)" {
			t.Error(p.tree)
		}
		if got := p.decoded(t, "Subject"); got != subject || m.Subject() != subject {
			t.Errorf("subject %q, want %q", got, subject)
		}
		if bytes.Contains(m.Raw(), []byte("Subject:\r\n")) {
			t.Error("the subject begins with a fold, which some read as a blank")
		}
		for name, want := range map[string]string{
			"Auto-Submitted": "auto-generated", "Date": "Mon, 01 Feb 2027 10:00:00 +0000", "Mime-Version": "1.0",
			"Message-Id": "<" + m.ID() + ">", "From": `"Sample Shop" <pay@shop.example>`, "Reply-To": "<help@shop.example>",
			"List-Unsubscribe": "", "User-Agent": "", "X-Mailer": "",
		} {
			if got := p.header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		checkBodies(t, p, l)
	}
}

func checkBodies(t *testing.T, p *parsed, l mail.Letter) {
	text, html, image := p.parts[0], p.parts[1], p.parts[2]
	for _, body := range []part{text, html} {
		if strings.Contains(strings.ReplaceAll(body.content, "\r\n", ""), "\n") || !strings.Contains(body.content, "¥12,500") && l.To.Locale != "ar" ||
			!strings.Contains(body.content, l.Key.Ref) || !strings.Contains(body.content, "Sample Shop") {
			t.Errorf("%s:\n%s", body.kind, body.content)
		}
	}
	if !strings.Contains(text.content, "\r\n"+l.URL+"\r\n") || !strings.Contains(html.content, `<a href="`+strings.ReplaceAll(l.URL, "&", "&amp;")+`"`) {
		t.Error("the link is missing")
	}
	if !strings.Contains(html.content, `src="cid:`+strings.Trim(image.id, "<>")+`"`) || !strings.Contains(html.content, "prefers-color-scheme") || strings.Contains(html.content, "src=\"http") {
		t.Errorf("images: %s\n%s", image.id, html.content)
	}
	if picture, err := png.Decode(strings.NewReader(image.content)); err != nil || picture.Bounds().Dx() < 200 {
		t.Errorf("QR code: %v", err)
	}
}

func TestPreview(t *testing.T) {
	html, text := mail.Preview(write(t, mail.SampleLetter("ja")))
	if !bytes.Contains(html, []byte(`src="data:image/png;base64,`)) || bytes.Contains(html, []byte("cid:")) || !bytes.Contains(text, []byte("山田 太郎 様")) {
		t.Errorf("%s\n%s", html, text)
	}
}

func TestMessageIDIsTheOrders(t *testing.T) {
	id := func(change func(*mail.Letter)) string {
		l := mail.SampleLetter("")
		change(&l)
		return write(t, l).ID()
	}
	same := id(func(l *mail.Letter) {})
	for name, c := range map[string]struct {
		change func(*mail.Letter)
		same   bool
	}{
		"again":           {func(l *mail.Letter) {}, true},
		"other recipient": {func(l *mail.Letter) { l.To.To = "b@c.example"; l.Date = time.Now() }, true},
		"generation":      {func(l *mail.Letter) { l.Generation = 2 }, false},
		"ref":             {func(l *mail.Letter) { l.Key.Ref = "other" }, false},
		"merchant":        {func(l *mail.Letter) { l.Key = order.Key{MerchantID: "M-10012003089893366DTEST"} }, false},
	} {
		if got := id(c.change); (got == same) != c.same || strings.Contains(got, "2003089893366DTEST") || !strings.HasSuffix(got, "@shop.example") {
			t.Errorf("%s: %s, first %s", name, got, same)
		}
	}
}

func TestLocales(t *testing.T) {
	for locale, want := range map[string]string{
		"": "en", "en-GB": "en", "ja": "ja", "ja-JP": "ja", "ar-KW": "ar", "ar-EG": "ar", "de": "en", "zh": "en", "no language": "en",
	} {
		l := mail.SampleLetter("")
		l.To.Locale = locale
		dir := map[string]string{"ar": "rtl"}[want]
		if html, _ := mail.Preview(write(t, l)); !bytes.Contains(html, []byte(`<html lang="`+want+`" dir="`+dir)) {
			t.Errorf("%q: not %s", locale, want)
		}
	}
}

func TestWithoutAmountTheCustomerEntersIt(t *testing.T) {
	for locale, want := range map[string]string{
		"en": "You enter the amount on the payment page.", "ja": "金額はお支払いページでご入力ください。", "ar": "يُرجى إدخال المبلغ في صفحة الدفع.",
	} {
		l := mail.SampleLetter(locale)
		if contains(write(t, l), want) {
			t.Errorf("%s: asks for the amount though there is one", locale)
		}
		if l.Amount = ""; !contains(write(t, l), want) {
			t.Errorf("%s: does not ask for the amount", locale)
		}
	}
}

func TestLetterFor(t *testing.T) {
	o := &order.Order{MerchantID: "M-1", Ref: "R", Amount: "5", Currency: "JPY", MerchantEmail: "m@shop.example",
		Delivery: &order.Delivery{Email: &order.EmailDelivery{To: "a@b.example", Name: "planted", Locale: "ja"}}}
	for _, c := range []struct {
		mail           merchant.Mail
		from, merchant string
	}{
		{merchant.Mail{}, "m@shop.example", "M-1"},
		{merchant.Mail{From: "Shop <pay@shop.example>"}, "Shop <pay@shop.example>", "Shop"},
		{merchant.Mail{Name: "The Shop", From: "Shop <pay@shop.example>", ReplyTo: "r@shop.example"}, "Shop <pay@shop.example>", "The Shop"},
	} {
		l := mail.LetterFor(merchant.Profile{ID: "M-1", Mail: c.mail}, o, 3, "https://pay.example/x")
		if l.From != c.from || l.Merchant != c.merchant || l.ReplyTo != c.mail.ReplyTo || l.Generation != 3 || l.To.To != "a@b.example" {
			t.Errorf("%+v: %s, %s", c.mail, l.From, l.Merchant)
		}
		if m := write(t, l); strings.Contains(fmt.Sprintf("%v %+v %#v %s", l, *m, m, m), "planted") {
			t.Error("shows the customer's name")
		}
	}
	o.Delivery = nil
	if _, err := builtin(t).Write(mail.LetterFor(merchant.Profile{}, o, 1, "https://pay.example/x")); err == nil {
		t.Error("written to nobody")
	}
}

func TestALinkTooLongForACode(t *testing.T) {
	l := mail.SampleLetter("")
	l.URL += strings.Repeat("&c=3", 1000)
	p := parse(t, write(t, l).Raw())
	if p.tree != "multipart/alternative(text/plain text/html)" || strings.Contains(p.parts[1].content, "<img") || !strings.Contains(p.parts[0].content, l.URL) {
		t.Error(p.tree)
	}
}
