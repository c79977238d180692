package mail_test

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
)

// Servers like to repeat whom they refuse. Nothing of it comes through; what explains the refusal does.
func TestAnswersShowNobody(t *testing.T) {
	l := mail.SampleLetter("")
	l.To.To, l.To.Name = "plantedlocal@planteddomain.example", "Plantedfirst Plantedlast"
	l.From = "plantedsender@shop.example"
	m := write(t, l)
	secret := "planted-password"
	for name, said := range map[string]string{
		"address":       "<plantedlocal@planteddomain.example>: recipient rejected",
		"upper case":    "PLANTEDLOCAL@PLANTEDDOMAIN.EXAMPLE: recipient rejected",
		"local part":    "user plantedlocal: recipient rejected",
		"domain":        "host of planteddomain.example not found: recipient rejected",
		"name":          "no mailbox for Plantedfirst Plantedlast: recipient rejected",
		"part of name":  "Dear plantedlast: recipient rejected",
		"other address": "forwarded to planted.other@planted.example: recipient rejected",
		"VERP":          "bounces+planted=40planted.example: recipient rejected",
		"sender":        "plantedsender@shop.example may not: recipient rejected",
		"login":         "planteduser with planted-password: recipient rejected",
		"base64":        base64.StdEncoding.EncodeToString([]byte(secret)) + ": recipient rejected",
		"without =":     base64.RawStdEncoding.EncodeToString([]byte(secret)) + ": recipient rejected",
		"split by NUL":  "planted\x00local@planted\u200edomain.example: recipient rejected",
		"cut in two":    strings.Repeat("x ", 85) + "plantedlocal@planteddomain.example",
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, script{rcpt: fails(550, smtp.EnhancedCode{5, 1, 1}, said), mechanisms: []string{"XOAUTH2"}, mail: nil})
			s, err := mail.NewSender(mail.Config{URL: "smtp://" + srv.address})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			a := s.Send(t.Context(), m)
			if name == "login" || name == "base64" || name == "without =" {
				a = mail.Answer{Outcome: mail.Refused, Message: mail.Clean(m, "planteduser", merchant.NewSecret(secret), said)}
			}
			shown := strings.ToLower(fmt.Sprintf("%+v %v", a, slog.AnyValue(a)))
			if a.Outcome != mail.Refused || strings.Contains(shown, "planted") || strings.Contains(shown, strings.ToLower(base64.RawStdEncoding.EncodeToString([]byte(secret)))) {
				t.Errorf("%+v", a)
			}
			if name != "cut in two" && !strings.Contains(a.Message, "recipient rejected") {
				t.Errorf("explains nothing: %+v", a)
			}
		})
	}
}
