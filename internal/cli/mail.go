package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

type mailCommand struct {
	Preview  mailPreviewCommand  `cmd:"" help:"Write the email of an order to files, to look at it."`
	SendTest mailSendTestCommand `cmd:"" help:"Send a sample email by the mail server that is set up."`
}

// mailSample is an email that is not that of a real link.
type mailSample struct {
	config.SettingsFile
	MerchantID    string `aliases:"merchant" env:"HPPLINK_MERCHANT_ID" placeholder:"ID" help:"Whose email. Default: that of the order, or the only merchant there is."`
	MerchantEmail string `env:"HPPLINK_MERCHANT_EMAIL" placeholder:"ADDRESS" help:"merchant_email of orders that give none: the sender, unless the settings file has one."`
	Locale        string `placeholder:"TAG" help:"The reader's language, such as ja or ar-EG, in place of the order's."`
}

// What samples are called where nobody says otherwise.
const (
	sampleMerchant = "M-1001"
	sampleRef      = "2003089893366DTEST"
)

// profile finds the merchant's settings, and makes sure of the templates. id is the merchant's, as far as the order says.
func (c *mailSample) profile(id string) (merchant.Profile, *mail.Templates, error) {
	all, err := c.Letters(config.Merchant{MerchantID: c.MerchantID, MerchantEmail: c.MerchantEmail})
	if err != nil {
		return merchant.Profile{}, nil, err
	}
	p := merchant.Profile{}
	id = cmp.Or(c.MerchantID, id)
	if all != nil {
		var found bool
		if p, found = all.Lookup(id); id == "" {
			p, found = all.Default()
		}
		switch {
		case !found && id == "":
			return p, nil, config.Errors{errors.New("whose email? There are several merchants: set --merchant-id / HPPLINK_MERCHANT_ID")}
		case !found:
			return p, nil, config.Errors{errors.New("--merchant-id / HPPLINK_MERCHANT_ID: there is no profile for this merchant: check its spelling, and --config")}
		}
	}
	p.Defaults.MerchantEmail = cmp.Or(p.Defaults.MerchantEmail, c.MerchantEmail)
	templates, err := templatesOf(p)
	return p, templates, err
}

func templatesOf(p merchant.Profile) (*mail.Templates, error) {
	if p.Mail.Templates == "" {
		return mail.LoadTemplates(nil)
	}
	t, err := mail.LoadTemplates(os.DirFS(p.Mail.Templates))
	if err != nil {
		return nil, config.Errors{fmt.Errorf("mail templates in %s:\n%w", p.Mail.Templates, err)}
	}
	return t, nil
}

// sampleOrder asks for the sample letter.
func sampleOrder(key order.Key, locale string) *order.Order {
	l := mail.SampleLetter(locale)
	return &order.Order{
		MerchantID: key.MerchantID, Ref: key.Ref, Amount: l.Amount, Currency: l.Currency,
		ExpiresAt: l.ExpiresAt, Metadata: l.Metadata, Delivery: &order.Delivery{Email: &l.To},
	}
}

// writeSample makes the email of an order, about a link that does not exist.
func writeSample(p merchant.Profile, t *mail.Templates, o *order.Order) (*mail.Message, error) {
	l := mail.LetterFor(p, o, 1, mail.SampleLetter("").URL)
	m, err := t.Write(l)
	var unwritten *mail.WriteError
	if errors.As(err, &unwritten) {
		return nil, config.Errors{errors.New(mailField(unwritten.Field) + " " + unwritten.Problem)}
	}
	return m, err
}

// mailField says where what is wrong with an email was set.
func mailField(name string) string {
	switch name {
	case "to":
		return "the recipient"
	case "from":
		return "the sender (mail.from of the settings file, or merchant_email)"
	case "reply_to":
		return "mail.reply_to of the settings file"
	case "template":
		return "the mail template"
	}
	return "the order's " + name
}

// readOrder reads the one order event of a file.
func readOrder(file string, in io.Reader) (*order.Order, error) {
	r, err := openInput(file, in)
	if err != nil {
		return nil, config.Errors{err}
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, order.MaxBytes+1))
	if err != nil {
		return nil, config.Errors{fmt.Errorf("--order %s: %w", file, err)}
	}
	o, err := order.Decode(text)
	if err != nil {
		return nil, badOrder(file, err)
	}
	return o, nil
}

// badOrder lists all that is wrong with an order, one a line.
func badOrder(file string, err error) error {
	var invalid *order.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	var errs config.Errors
	for _, p := range invalid.Problems {
		errs = append(errs, fmt.Errorf("--order %s: %s", file, joined(p.Field, p.Message)))
	}
	return errs
}
