package config

import (
	"fmt"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
)

// SMTP says how links go out by email.
type SMTP struct {
	SMTP             string `name:"smtp" env:"HPPLINK_SMTP" placeholder:"URL" help:"Mail server for orders with delivery.email: smtps://user@host:465, or smtp://user@host:587 (STARTTLS). Without one, such orders are refused."`
	SMTPPassword     string `name:"smtp-password" env:"HPPLINK_SMTP_PASSWORD" placeholder:"PASSWORD" help:"Password for it; a token with ?auth=xoauth2."`
	SMTPPasswordFile string `name:"smtp-password-file" env:"HPPLINK_SMTP_PASSWORD_FILE" placeholder:"FILE" help:"File that holds it."`
}

// Sender returns what sends emails, or nil when none are to be sent. The error is Errors.
func (s SMTP) Sender(connections int) (*mail.Sender, error) {
	password, err := secret("smtp-password", s.SMTPPassword, s.SMTPPasswordFile)
	if err != nil {
		return nil, Errors{err}
	}
	if s.SMTP == "" {
		if password != "" {
			return nil, Errors{fmt.Errorf("--smtp / HPPLINK_SMTP is missing, and there is a password for it")}
		}
		return nil, nil
	}
	sender, err := mail.NewSender(mail.Config{URL: s.SMTP, Password: merchant.NewSecret(password), Connections: connections})
	if err != nil {
		return nil, Errors{fmt.Errorf("--smtp / HPPLINK_SMTP: %w", err)}
	}
	return sender, nil
}
