package mail_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hpplink/hpplink/internal/mail"
)

const (
	goodText = "Hi {{.Name}}: {{.URL}}\n"
	goodHTML = "<p>{{.Merchant}}</p><a href=\"{{.URL}}\">pay</a>\n"
)

// folder makes files of pairs of name and content.
func folder(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

func TestMerchantsTemplates(t *testing.T) {
	files := folder("subject.txt", "\ufeffYour bill {{.Ref}}\r\n", "ja/subject.txt", "請求書", "words.txt", `{{define "button"}}PAY{{end}}`,
		"ja/words.txt", `{{define "button"}}払う{{end}}`, "de/words.txt", germanWords, "de/body.txt", "Hallo {{.Name}}, {{.Metadata.cart}}{{.Metadata.none}}:\n{{.URL}}",
		".git/config", "", "..data/x", "")
	templates, err := mail.LoadTemplates(files)
	if err != nil {
		t.Fatal(err)
	}
	for locale, want := range map[string][2]string{
		"en": {"Your bill 2003089893366DTEST", "PAY:\nhttps://"}, "ar": {"Your bill 2003089893366DTEST", "PAY:\nhttps://"},
		"ja": {"請求書", "払う:\nhttps://"}, "de-AT": {"Your bill 2003089893366DTEST", "Hallo Taro Yamada, 77:\nhttps://"},
	} {
		l := mail.SampleLetter("")
		l.To.Locale = locale
		m, err := templates.Write(l)
		if err != nil {
			t.Fatal(err)
		}
		if _, text := mail.Preview(m); m.Subject() != want[0] || !strings.Contains(string(text), want[1]) {
			t.Errorf("%s: %s\n%s", locale, m.Subject(), text)
		}
	}
}

const germanWords = `{{define "subject"}}s{{end}}{{define "greeting"}}g{{end}}{{define "intro"}}i{{end}}{{define "open"}}o{{end}}{{define "amount"}}a{{end}}
{{define "ref"}}r{{end}}{{define "due"}}d{{end}}{{define "button"}}b{{end}}{{define "hint"}}h{{end}}{{define "scan"}}s{{end}}{{define "qralt"}}q{{end}}{{define "footer"}}f{{end}}`

// A broken template is found before the first order, with file and line.
func TestBrokenTemplates(t *testing.T) {
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string // lines
	}{
		"parse error":         {folder("body.txt", "a\nb {{if .Name}\n{{.URL}}"), "body.txt:2: bad character"},
		"HTML parse error":    {folder("ja/body.html", "\n\n{{end}}"), "ja/body.html:3: unexpected {{end}}"},
		"missing field":       {folder("body.txt", "{{.URL}}\n\n{{.Nam}}"), "body.txt:3: <.Nam>: can't evaluate field Nam"},
		"in HTML":             {folder("body.html", goodHTML+"{{.Nam}}"), "body.html:2: <.Nam>: can't evaluate field Nam"},
		"in an if":            {folder("body.txt", "{{.URL}}\n{{if not .Amount}}{{.Nam}}{{end}}"), "body.txt:2: <.Nam>: can't evaluate"},
		"unknown function":    {folder("subject.txt", "{{upper .Ref}}"), `subject.txt:1: function "upper" not defined`},
		"unknown word":        {folder("subject.txt", `{{template "nope" .}}`), `subject.txt:1: <{{template "nope" .}}>: template "nope" not defined`},
		"no link in text":     {folder("body.txt", "no link"), "body.txt: does not always have the payment link"},
		"no link in HTML":     {folder("body.html", "{{.URL}}"), "body.html: does not always have the payment link"},
		"link of something":   {folder("body.html", `<a href="https://evil.example/{{.URL}}">`), "body.html: does not always"},
		"link as a comment":   {folder("body.html", `<p title="<a href='{{.URL}}'>">`), "body.html: does not always"},
		"link not always":     {folder("body.txt", "{{if .Amount}}{{.URL}}{{end}}"), "body.txt: does not always"},
		"empty subject":       {folder("subject.txt", " {{.Name}}\n"), "subject.txt: writes no subject"},
		"HTML out of context": {folder("body.html", goodHTML+"\n<a href='{{if .Name}}x'{{end}}>"), "body.html:3: {{if}} branches end in different contexts"},
		"file name":           {folder("body.htm", ""), `body.htm: is not a file that is used; did you mean "body.html"?`},
		"inner file name":     {folder("ja/subject", ""), `ja/subject: is not a file that is used; did you mean "subject.txt"?`},
		"folder name":         {folder("japanese-version/subject.txt", ""), "japanese-version: is a folder, but not named by a language"},
		"odd case":            {folder("JA/subject.txt", ""), "JA: is a folder, but not named by a language"},
		"too large":           {folder("body.txt", strings.Repeat("x", 1<<20)+goodText), "body.txt: is larger than 1 MiB"},
		"writes too much":     {folder("body.txt", goodText+strings.Repeat(`{{printf "%100000d" 1}}`, 11)), "body.txt: the template writes more than 1 MiB"},
		"recursion":           {folder("body.txt", `{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`+goodText), "body.txt:1: "},
		"language half done":  {folder("de/subject.txt", "s"), "body.txt:1: "},
		"all at once":         {folder("body.txt", "{{.Nam}}", "ja/body.html", "{{end}}", "x.txt", ""), "x.txt: |body.txt:1: |ja/body.html:1: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mail.LoadTemplates(c.files)
			if err == nil {
				t.Fatal("taken")
			}
			for _, want := range strings.Split(c.want, "|") {
				if !strings.Contains("\n"+err.Error(), "\n"+want) {
					t.Errorf("%v\nwant %s", err, want)
				}
			}
		})
	}
}

func TestEachFaultIsToldOnce(t *testing.T) {
	_, err := mail.LoadTemplates(folder("body.html", goodHTML+"{{.Nam}}", "body.txt", "{{end}}"))
	if n := strings.Count(err.Error(), "\n") + 1; n != 1 {
		t.Errorf("%d lines, want that of body.txt, which is not tried further:\n%v", n, err)
	}
}

// A template may drop the link of some orders only, or fail for them; then the email is not sent.
func TestTemplatesThatFailLater(t *testing.T) {
	const dropped = "template drops the payment link of this order"
	for _, c := range []struct{ file, content, want string }{
		{"body.txt", `{{if ne .Metadata.cart "planted"}}{{.URL}}{{end}}`, dropped},
		{"body.html", `<a {{if ne .Metadata.cart "planted"}}href="{{.URL}}"{{end}}>`, dropped},
		{"body.txt", goodText + `{{if eq .Metadata.cart "planted"}}{{index .Metadata.cart 99}}{{end}}`, "template body.txt:2 fails with this order"},
	} {
		templates, err := mail.LoadTemplates(folder(c.file, c.content))
		if err != nil {
			t.Fatal(err)
		}
		l := mail.SampleLetter("")
		l.Metadata = map[string]string{"cart": "planted"}
		_, err = templates.Write(l)
		bad, ok := err.(*mail.WriteError)
		if !ok || bad.Outcome != mail.Misconfigured || bad.Answer().Message != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// Whatever stands in a folder, it is refused or makes emails that have the link.
func FuzzTemplates(f *testing.F) {
	f.Add("subject.txt", "{{.Ref}}", goodHTML, goodText)
	f.Add("ja/words.txt", `{{define "button"}}x{{end}}`, `<a href="{{.URL}}"{{if .QR}}>`, "{{with .URL}}{{.}}{{end}}")
	f.Add("de/body.html", goodHTML, "<script>{{.Name}}</script>"+goodHTML, "{{range .Metadata}}{{.}}{{end}}{{.URL}}")
	f.Fuzz(func(t *testing.T, name, content, html, text string) {
		if len(name)+len(content)+len(html)+len(text) > 4096 {
			return
		}
		files := folder("body.html", html, "body.txt", text)
		if name != "" && name[0] != '/' && !strings.Contains(name, "..") {
			files[name] = &fstest.MapFile{Data: []byte(content)}
		}
		templates, err := mail.LoadTemplates(files)
		if err != nil {
			return
		}
		for _, locale := range []string{"en", "ja", "ar"} {
			l := mail.SampleLetter(locale)
			m, err := templates.Write(l)
			if err != nil {
				t.Fatal(err)
			}
			p := parse(t, m.Raw())
			if !strings.Contains(p.parts[0].content, l.URL) {
				t.Errorf("no link in %q", p.parts[0].content)
			}
		}
	})
}
