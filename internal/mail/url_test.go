package mail_test

import (
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
)

func TestURLs(t *testing.T) {
	for url, want := range map[string]string{
		"smtp://mx.example":                                      "mx.example:587 (encryption: STARTTLS, login: none)",
		"smtp://user@mx.example:25":                              "mx.example:25 (encryption: STARTTLS, login: auto)",
		"smtp://pay%40shop.example@mx.example?auth=login":        "mx.example:587 (encryption: STARTTLS, login: login)",
		"smtps://user@mx.example/?auth=xoauth2":                  "mx.example:465 (encryption: TLS, login: xoauth2)",
		"smtp://127.0.0.1:1025":                                  "127.0.0.1:1025 (encryption: none, login: none)",
		"smtp://[::1]:1025":                                      "[::1]:1025 (encryption: none, login: none)",
		"smtp://localhost?tls=starttls":                          "localhost:587 (encryption: STARTTLS, login: none)",
		"smtp://mailpit:1025?tls=none&allow-insecure=true":       "mailpit:1025 (encryption: none, login: none)",
		"smtp://mx.例え.example":                                   "mx.xn--r8jz45g.example:587 (encryption: STARTTLS, login: none)",
		"smtp://mx.example?allow-insecure=true":                  "mx.example:587 (encryption: STARTTLS, login: none)",
		"smtp://user@mx.example?tls=starttls&auth=cram-md5":      "mx.example:587 (encryption: STARTTLS, login: cram-md5)",
		"smtp://user@127.0.0.1?auth=plain&tls=none":              "127.0.0.1:587 (encryption: none, login: plain)",
		"smtp://user@[::ffff:127.0.0.1]:2525?auth=auto&tls=none": "[::ffff:127.0.0.1]:2525 (encryption: none, login: auto)",
	} {
		c := mail.Config{URL: url}
		if strings.Contains(url, "@") {
			c.Password = merchant.NewSecret(password)
		}
		s, err := mail.NewSender(c)
		if err != nil {
			t.Errorf("%s: %v", url, err)
		} else if got := s.String(); got != "mail server "+want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

func TestBadURLs(t *testing.T) {
	for url, want := range map[string]string{
		"":                                          "begins neither with",
		"mx.example:587":                            "begins neither with",
		"http://mx.example":                         "begins neither with",
		"smtp://":                                   "has no host",
		"smtp://mx_example":                         "no host name",
		"smtp://mx.example:0":                       "between 1 and 65535",
		"smtp://mx.example:99999":                   "between 1 and 65535",
		"smtp://planted:planted@h.de":               "has a password: take it out",
		"smtp://planted:@h.de":                      "has a password: take it out",
		"smtp://mx.example/planted":                 "goes on after its host",
		"smtp://mx.example#planted":                 "goes on after its host",
		"smtp://mx.example?planted=1":               "known are auth, tls, allow-insecure",
		"smtp://mx.example?auth=planted":            "use plain, login, cram-md5, xoauth2, auto",
		"smtp://mx.example?auth=plain":              "has auth but no user",
		"smtp://u@h.de?auth=auto&auth=plain":        "has auth twice",
		"smtp://mx.example?tls=planted":             `use "starttls" or "none"`,
		"smtp://mx.example?tls=none":                "add allow-insecure=true",
		"smtp://192.0.2.1?tls=none":                 "add allow-insecure=true",
		"smtps://mx.example?tls=none":               "tls beside smtps://",
		"smtp://mx.example?allow-insecure=planted":  `neither "true" nor "false"`,
		"smtp://planted%0d%0aQUIT@mx.example":       "control character",
		"smtp://planted@mx.example":                 "there is no password: set HPPLINK_SMTP_PASSWORD",
		"smtp://mx.example:planted":                 "is no URL",
		"smtp://mx.example?auth=%zzplanted":         "invalid URL escape",
		"smtp://planted@h.de:0?tls=planted&auth=no": "between 1 and 65535",
	} {
		_, err := mail.NewSender(mail.Config{URL: url})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
	if _, err := mail.NewSender(mail.Config{URL: "smtp://mx.example", Password: merchant.NewSecret("planted")}); err == nil || strings.Contains(err.Error(), "planted") {
		t.Errorf("a password without user: %v", err)
	}
}

// Whatever the URL, a password goes over no network unencrypted unless that was asked for, and errors repeat nothing.
func FuzzURL(f *testing.F) {
	for _, url := range []string{"smtp://user@mx.example:587?auth=plain", "smtps://h", "smtp://[::1]:25?tls=none", "smtp://h?tls=none&allow-insecure=true", "smtp://a:b@c"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		s, err := mail.NewSender(mail.Config{URL: url, Password: merchant.NewSecret("planted-password")})
		if err != nil {
			if strings.Contains(err.Error(), "planted") && !strings.Contains(url, "planted") {
				t.Errorf("%q: %v", url, err)
			}
			return
		}
		open := strings.Contains(s.String(), "encryption: none")
		if open && !strings.Contains(url, "allow-insecure=") && !loopback(s.String()) && !strings.Contains(url, "%") {
			t.Errorf("%q: %s", url, s)
		}
	})
}

func loopback(server string) bool {
	return strings.HasPrefix(server, "mail server 127.") || strings.HasPrefix(server, "mail server [::") || strings.HasPrefix(strings.ToLower(server), "mail server localhost:")
}
