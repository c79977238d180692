package mail_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/mail"
)

func TestBadLetters(t *testing.T) {
	long := strings.Repeat("x", 65)
	for name, c := range map[string]struct {
		change func(*mail.Letter)
		field  string
		want   mail.Outcome
	}{
		"no recipient":        {func(l *mail.Letter) { l.To.To = "" }, "to", mail.Refused},
		"two recipients":      {func(l *mail.Letter) { l.To.To = "planted@b.example, c@d.example" }, "to", mail.Refused},
		"header in recipient": {func(l *mail.Letter) { l.To.To = "planted@b.example\r\nBcc: c@d.example" }, "to", mail.Refused},
		"command in local":    {func(l *mail.Letter) { l.To.To = "\"planted> RCPT TO:<c@d.example\"@b.example" }, "to", mail.Refused},
		"NUL":                 {func(l *mail.Letter) { l.To.To = "planted\x00@b.example" }, "to", mail.Refused},
		"display name":        {func(l *mail.Letter) { l.To.To = "Planted <planted@b.example>" }, "to", mail.Refused},
		"quoted local":        {func(l *mail.Letter) { l.To.To = `"planted planted"@b.example` }, "to", mail.Refused},
		"long local":          {func(l *mail.Letter) { l.To.To = long + "@planted.example" }, "to", mail.Refused},
		"domain literal":      {func(l *mail.Letter) { l.To.To = "planted@[127.0.0.1]" }, "to", mail.Refused},
		"bad domain":          {func(l *mail.Letter) { l.To.To = "planted@xn--a.example" }, "to", mail.Refused},
		"hidden marks":        {func(l *mail.Letter) { l.To.To = "pla\u202ented@b.example" }, "to", mail.Refused},
		"no sender":           {func(l *mail.Letter) { l.From = "" }, "from", mail.Misconfigured},
		"header in sender":    {func(l *mail.Letter) { l.From = "a@b.example\nBcc: planted@d.example" }, "from", mail.Misconfigured},
		"reply to":            {func(l *mail.Letter) { l.ReplyTo = "planted" }, "reply_to", mail.Misconfigured},
		"script as link":      {func(l *mail.Letter) { l.URL = "javascript:planted" }, "url", mail.Refused},
		"blank in link":       {func(l *mail.Letter) { l.URL = "https://pay.example/x planted" }, "url", mail.Refused},
		"no link":             {func(l *mail.Letter) { l.URL = "" }, "url", mail.Refused},
		"amount":              {func(l *mail.Letter) { l.Amount = "1.5" }, "amount", mail.Refused},
	} {
		l := mail.SampleLetter("")
		c.change(&l)
		_, err := builtin(t).Write(l)
		bad, ok := err.(*mail.WriteError)
		if !ok || bad.Field != c.field || bad.Outcome != c.want || bad.Answer().Code != "bad_"+c.field || strings.Contains(strings.ToLower(err.Error()+bad.Answer().Message), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostile is text that would like to be more than text.
var hostile = rapid.OneOf(
	rapid.String(),
	rapid.SampledFrom([]string{
		"a\r\nBcc: evil@evil.example", "a\nSubject: evil", "\x00", "\u202eevil\u2066", "{{.URL}}", "{{define \"subject\"}}", "<script>alert(1)</script>",
		"\"><img src=x onerror=alert(1)>", "=?UTF-8?B?ZXZpbA==?=", "\r\n.\r\nMAIL FROM:<evil@evil.example>", "a\"b\\c", "À\\", ",;:<>@[]()", "山田\u3000太郎", "سارة",
		"\xff\xfe", strings.Repeat("long", 300), strings.Repeat("長い ", 100), "👩‍👩‍👧",
	}),
)

func TestAnyLetterIsAnHonestEmail(t *testing.T) {
	templates := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		l := mail.SampleLetter(rapid.SampledFrom([]string{"", "ja", "ar", "en-IN"}).Draw(t, "locale"))
		l.To.Name, l.Merchant, l.Key.Ref = hostile.Draw(t, "name"), hostile.Draw(t, "merchant"), hostile.Draw(t, "ref")
		l.From = rapid.SampledFrom([]string{"pay@shop.example", "Läden & Söhne <pay@läden.example>"}).Draw(t, "from")
		l.Amount = rapid.SampledFrom([]string{"", "1", "9999999999"}).Draw(t, "amount")
		l.Metadata = map[string]string{"k": hostile.Draw(t, "metadata") + strings.Repeat("x", 10_000)}
		m, err := templates.Write(l)
		if err != nil {
			t.Fatal(err)
		}
		expectHonest(t, m)
	})
}

func expectHonest(t rapid.TB, m *mail.Message) {
	raw := m.Raw()
	p := parse(t, raw)
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsFunc(line, func(c rune) bool { return c > '~' || c < ' ' && c != '\t' }) {
			t.Errorf("line of %d bytes: %q", len(line), line[:min(len(line), 200)])
		}
	}
	to, err := p.header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != "customer@customer.example" {
		t.Errorf("to %v, %v", to, err)
	}
	for name := range p.header {
		if !strings.Contains(" Auto-Submitted Date Mime-Version Message-Id Subject From To Reply-To Content-Type ", " "+name+" ") || len(p.header[name]) != 1 {
			t.Errorf("header %s: %q", name, p.header[name])
		}
	}
	if p.decoded(t, "Subject") != m.Subject() {
		t.Errorf("subject %q is read as %q", m.Subject(), p.decoded(t, "Subject"))
	}
	html := p.parts[1].content
	if strings.Contains(html, "<script") || strings.Contains(html, "<img src=x") || strings.Contains(html, "{{") && !strings.Contains(p.parts[0].content, "{{") {
		t.Errorf("HTML: %s", html)
	}
	if strings.Count(html, "<a ") != 2 || strings.ContainsAny(html+p.parts[0].content, "\u202e\u2066\x00") {
		t.Errorf("links or marks: %s", html)
	}
}

// What looks like an encoded word is read as it was written.
func TestEncodedWordsAreNotDecoded(t *testing.T) {
	l := mail.SampleLetter("")
	l.Merchant = "=?UTF-8?B?ZXZpbA==?="
	l.From = "pay@shop.example"
	p := parse(t, write(t, l).Raw())
	if got := p.decoded(t, "Subject") + p.decoded(t, "From"); strings.Contains(got, "evil") || !strings.Contains(got, "ZXZpbA") {
		t.Error(got)
	}
}
