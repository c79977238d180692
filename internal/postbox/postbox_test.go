package postbox_test

import (
	"net/smtp"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/postbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, login bool, j postbox.Judge) *postbox.Box {
	t.Helper()
	b, err := postbox.Open(login, j)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func send(b *postbox.Box, auth smtp.Auth, to string) error {
	return smtp.SendMail(b.Addr(), auth, "shop@shop.example", []string{to}, []byte("Subject: hi\r\n\r\nhello\r\n"))
}

func TestKeepsWhatItTakes(t *testing.T) {
	b := open(t, false, nil)
	if err := send(b, nil, "a@customer.example"); err != nil {
		t.Fatal(err)
	}
	if err := b.Down(); err != nil {
		t.Fatal(err)
	}
	if send(b, nil, "b@customer.example") == nil {
		t.Error("it took an email while it was down")
	}
	if err := b.Up(); err != nil {
		t.Fatal(err)
	}
	if err := send(b, nil, "c@customer.example"); err != nil {
		t.Fatal(err)
	}
	all := b.Mails()
	if len(all) != 2 || all[1].To != "c@customer.example" || all[0].From != "shop@shop.example" || !strings.Contains(string(all[0].Data), "hello") {
		t.Errorf("%+v", all)
	}
}

func TestJudge(t *testing.T) {
	refusal := &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "nobody"}
	b := open(t, false, func(at postbox.Stage, to string) error {
		switch {
		case at == postbox.Recipient && strings.HasPrefix(to, "no"):
			return refusal
		case at == postbox.Content && strings.HasPrefix(to, "cut"):
			return postbox.ErrReset
		}
		return nil
	})
	if err := send(b, nil, "no@customer.example"); err == nil || !strings.Contains(err.Error(), "550") {
		t.Errorf("%v, want 550", err)
	}
	if err := send(b, nil, "cut@customer.example"); err == nil || strings.Contains(err.Error(), "5") && strings.Contains(err.Error(), "554") {
		t.Errorf("%v, want a connection that breaks", err)
	}
	if all := b.Mails(); len(all) != 1 || !all[0].Denied {
		t.Errorf("%+v, want the one whose sender can not know", all)
	}
}

func TestLogin(t *testing.T) {
	b := open(t, true, nil)
	auth := smtp.PlainAuth("", "user", "password", "127.0.0.1")
	if send(b, nil, "a@customer.example") == nil {
		t.Error("it took an email of somebody who did not log in")
	}
	if err := send(b, auth, "a@customer.example"); err != nil {
		t.Error(err)
	}
	b.Decide(func(at postbox.Stage, _ string) error {
		if at == postbox.Login {
			return gosmtp.ErrAuthFailed
		}
		return nil
	})
	if err := send(b, auth, "a@customer.example"); err == nil || !strings.Contains(err.Error(), "535") {
		t.Errorf("%v, want 535", err)
	}
	if len(b.Mails()) != 1 {
		t.Errorf("%d mails", len(b.Mails()))
	}
}

const email = "Subject: =?utf-8?q?=E6=94=AF?=\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" +
	"--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nh=C3=A9 =\r\nyou\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGltZyBzcmM9ImNpZDpxQHgiPg==\r\n--b--\r\n" +
	"--a\r\nContent-Type: image/png\r\nContent-ID: <q@x>\r\nContent-Transfer-Encoding: base64\r\n\r\nUE5H\r\n--a--\r\n"

func TestRead(t *testing.T) {
	l, err := postbox.Read([]byte(email))
	if err != nil || l.Subject != "支" || l.Text != "hé you" || l.HTML != `<img src="data:image/png;base64,UE5H">` {
		t.Errorf("%+v %v", l, err)
	}
	for _, bad := range []string{"", "no header", strings.Replace(email, "boundary=b", "boundary=c", 1), strings.Replace(email, "PGlt", "!!!!", 1)} {
		if _, err := postbox.Read([]byte(bad)); err == nil {
			t.Errorf("%.40q is taken", bad)
		}
	}
}
