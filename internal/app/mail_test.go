package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/worker"
)

// withTemplates sets a merchant up that has a folder of mail templates, with this subject.
func withTemplates(t *testing.T, subject string) (m *merchant.Directory, write func(subject string)) {
	t.Helper()
	folder := t.TempDir()
	write = func(subject string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, "subject.txt"), []byte(subject), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(subject)
	_, m = slowGateway(t)
	p, _ := m.Lookup("M1")
	p.Mail.Templates = folder
	m.Replace(p)
	return m, write
}

func mailConfig(t *testing.T, m *merchant.Directory) *WorkerConfig {
	t.Helper()
	sender, err := mail.NewSender(mail.Config{URL: "smtp://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	return &WorkerConfig{Merchants: m, Mail: sender, Templates: worker.NewShelf()}
}

func TestBrokenTemplatesAreFoundBeforeTheFirstOrder(t *testing.T) {
	m, _ := withTemplates(t, "\n{{.Nam}}")
	_, err := open(t, redistest.Server(t)).StartWorker(ctx, *mailConfig(t, m))
	if err == nil || !strings.Contains(err.Error(), "subject.txt:2: ") {
		t.Errorf("%v, want file and line", err)
	}
}

// TestRegressionTemplatesAreThoseOfTheStart: they were read with the first email, and what stood there half edited by then
// counted, and stayed.
func TestRegressionTemplatesAreThoseOfTheStart(t *testing.T) {
	m, write := withTemplates(t, "first")
	c := mailConfig(t, m)
	s, err := open(t, redistest.Server(t)).Start(ctx, ServiceConfig{Merchants: m, Worker: c})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	p, _ := m.Lookup("M1")
	wantSubject := func(want string) {
		t.Helper()
		templates, err := c.Templates.Of(p.Mail.Templates)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := templates.Write(mail.SampleLetter("")); err != nil || m.Subject() != want {
			t.Errorf("subject %q %v, want %q", m.Subject(), err, want)
		}
	}
	write("{{half")
	wantSubject("first")
	s.Applied(m.All(), nil, api.Tokens{})
	wantSubject("first")
	write("second")
	wantSubject("first")
	s.Applied(m.All(), nil, api.Tokens{})
	wantSubject("second")
}
