package cli

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
)

type mailPreviewCommand struct {
	mailSample
	Order string `placeholder:"FILE" help:"The order event. '-' is standard input. Default: a sample."`
	Out   string `default:"." placeholder:"DIR" help:"Folder for mail.html, mail.txt and mail.eml."`
	JSON  bool   `name:"json" help:"One JSON object."`
}

// Help gives examples.
func (mailPreviewCommand) Help() string {
	return `Examples:
  hpplink mail preview --out /tmp/preview
  hpplink mail preview --order order.json --locale ja
  hpplink mail preview --config hpplink.yaml --merchant-id M-1001

It writes what a customer would get: mail.html for a browser, mail.txt, and mail.eml for a mail
program. Its link leads nowhere. No secret is needed, and nothing is sent or stored.
Exit code 2: the templates, the settings or the order are wrong; each thing is named.`
}

// Run writes the email.
func (c *mailPreviewCommand) Run(s Streams) error {
	o, err := c.order(s)
	if err != nil {
		return err
	}
	p, templates, err := c.profile(o.MerchantID)
	if err != nil {
		return err
	}
	o.MerchantID = cmp.Or(o.MerchantID, p.ID, sampleMerchant)
	o.Fill(p.Defaults)
	if c.Order == "" {
		o.MerchantEmail = cmp.Or(o.MerchantEmail, "pay@shop.example")
	} else if err := o.Validate(); err != nil {
		return badOrder(c.Order, err)
	}
	m, err := writeSample(p, templates, c.addressed(s, o))
	if err != nil {
		return err
	}
	return c.save(s, m)
}

func (c *mailPreviewCommand) order(s Streams) (*order.Order, error) {
	if c.Order == "" {
		return sampleOrder(order.Key{Ref: sampleRef}, c.Locale), nil
	}
	return readOrder(c.Order, s.In)
}

// addressed has an order ask for an email in the language that is wanted.
func (c *mailPreviewCommand) addressed(s Streams, o *order.Order) *order.Order {
	if o.Delivery == nil || o.Delivery.Email == nil {
		o.Delivery = sampleOrder(o.Key(), c.Locale).Delivery
		fmt.Fprintln(s.Err, "the order asks for no email (delivery.email): it is shown as to a made-up customer")
	}
	if c.Locale != "" {
		o.Delivery.Email.Locale = c.Locale
	}
	return o
}

// previewed are the files that a preview wrote, for machines.
type previewed struct {
	Subject string `json:"subject"`
	HTML    string `json:"html"`
	Text    string `json:"text"`
	EML     string `json:"eml"`
}

func (c *mailPreviewCommand) save(s Streams, m *mail.Message) error {
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	html, text := mail.Preview(m)
	in := func(name string) string { return filepath.Join(c.Out, name) }
	done := previewed{Subject: m.Subject(), HTML: in("mail.html"), Text: in("mail.txt"), EML: in("mail.eml")}
	for path, content := range map[string][]byte{done.HTML: html, done.Text: text, done.EML: m.Raw()} {
		if err := os.WriteFile(path, content, 0o600); err != nil { // they name a customer
			return fmt.Errorf("--out: %w", err)
		}
	}
	if c.JSON {
		return writeJSON(s.Out, done)
	}
	_, err := fmt.Fprintf(s.Out, "subject  %s\nhtml     %s\ntext     %s\neml      %s\n", visible(done.Subject), done.HTML, done.Text, done.EML)
	return err
}
