package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

type mailSendTestCommand struct {
	mailSample
	config.SMTP
	To   string `required:"" placeholder:"ADDRESS" help:"Who is to get it."`
	JSON bool   `name:"json" help:"One JSON object."`
}

// Help gives examples.
func (mailSendTestCommand) Help() string {
	return `Examples:
  HPPLINK_SMTP=smtp://user@mail.example:587 hpplink mail send-test --to me@shop.example
  hpplink mail send-test --to me@shop.example --config hpplink.yaml --merchant-id M-1001 --locale ja

The email is that of a made-up order; its link leads nowhere.
Exit code 0: the mail server took it; 1: it did not, and what that means for orders is told;
2: templates or settings are wrong.`
}

// Run sends one email.
func (c *mailSendTestCommand) Run(ctx context.Context, s Streams) error {
	p, templates, err := c.profile("")
	if err != nil {
		return err
	}
	m, err := c.message(p, templates)
	if err != nil {
		return err
	}
	sender, err := c.Sender(1)
	if err != nil {
		return err
	}
	if sender == nil {
		return config.Errors{errors.New("--smtp / HPPLINK_SMTP is missing: the mail server to send by")}
	}
	defer sender.Close()
	return c.tell(s, sender, m, sender.Send(ctx, m))
}

func (c *mailSendTestCommand) message(p merchant.Profile, t *mail.Templates) (*mail.Message, error) {
	if p.Mail.From == "" && p.Defaults.MerchantEmail == "" {
		return nil, config.Errors{errors.New("who is the sender? Set mail.from in the settings file, or --merchant-email / HPPLINK_MERCHANT_EMAIL")}
	}
	// A ref of its own: mailboxes drop an email whose Message-ID they have seen.
	key := order.Key{MerchantID: cmp.Or(p.ID, sampleMerchant), Ref: "TEST-" + time.Now().UTC().Format("20060102-150405.000")}
	o := sampleOrder(key, c.Locale)
	o.MerchantEmail, o.Delivery.Email.To = p.Defaults.MerchantEmail, c.To
	return writeSample(p, t, o)
}

// sentTest is what came of a test, for machines.
type sentTest struct {
	Outcome   mail.Outcome `json:"outcome"`
	Code      string       `json:"code,omitempty"`
	Message   string       `json:"message,omitempty"`
	MessageID string       `json:"message_id"`
	Server    string       `json:"server"`
}

func (c *mailSendTestCommand) tell(s Streams, by *mail.Sender, m *mail.Message, a mail.Answer) error {
	var err error
	if c.JSON {
		err = writeJSON(s.Out, sentTest{a.Outcome, a.Code, a.Message, m.ID(), by.String()})
	} else {
		_, err = fmt.Fprintf(s.Out, "%s\n%s: %s\n", by, a.Outcome, inWords(m, a))
	}
	if err == nil && a.Outcome != mail.Sent {
		err = errFailed
	}
	return err
}

// inWords says what an answer would mean for an order's email.
func inWords(m *mail.Message, a mail.Answer) string {
	said := fmt.Sprintf("%s (%s)", a.Message, a.Code)
	switch a.Outcome {
	case mail.Sent:
		return "the mail server took it. Whether it arrives only the mailbox shows, or its spam folder. Message-ID <" + m.ID() + ">"
	case mail.Retry:
		return said + "\nThe email of an order would be tried again, for up to --max-age of 'hpplink run'."
	case mail.Refused:
		return said + "\nThe email of an order would have failed, and be listed by 'hpplink failed list --email'."
	case mail.Unknown:
		return said + "\nThe email of an order would be sent once more, and after that fail as \"unknown\"."
	}
	return said + "\nEvery email would meet the same: those of orders would be held, and go out once this is mended."
}
