package mail

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	netmail "net/mail"
	"time"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Letter is what one email has to say, before it is put into words. It prints and logs as its order only.
type Letter struct {
	Key        order.Key
	Generation int

	To      order.EmailDelivery // a locale that is empty or not to be had: English
	From    string              // a mail address, alone or as "Name <address>"
	ReplyTo string              // the same; empty: none

	Merchant  string // the merchant's name as customers read it
	URL       string // the payment link
	Amount    string // decimal text; empty: the customer enters it
	Currency  string // ISO 4217
	ExpiresAt time.Time
	TimeZone  string            // IANA name of where ExpiresAt is told; what is not known counts as UTC
	Metadata  map[string]string // for merchants' own templates
	Date      time.Time         // of the email; zero: now
}

// LetterFor returns the letter that an order asks for, about its link. What the profile's Mail leaves out is taken from
// elsewhere: the sender is the order's merchant_email, the merchant's name the sender's, or else the merchant's id.
func LetterFor(p merchant.Profile, o *order.Order, generation int, url string) Letter {
	l := Letter{
		Key: o.Key(), Generation: generation,
		From: cmp.Or(p.Mail.From, o.MerchantEmail), ReplyTo: p.Mail.ReplyTo,
		Merchant: p.Mail.Name, URL: url, Amount: o.Amount, Currency: o.Currency,
		ExpiresAt: o.ExpiresAt, TimeZone: o.TimeZone, Metadata: o.Metadata,
	}
	if o.Delivery != nil && o.Delivery.Email != nil {
		l.To = *o.Delivery.Email
	}
	if l.Merchant == "" {
		l.Merchant = cmp.Or(displayName(l.From), o.MerchantID)
	}
	return l
}

func displayName(address string) string {
	a, err := netmail.ParseAddress(address)
	if err != nil {
		return ""
	}
	return a.Name
}

// Format prints merchant and ref, whatever the verb: the rest is personal.
func (l Letter) Format(s fmt.State, _ rune) { io.WriteString(s, l.String()) }

// String returns merchant and ref.
func (l Letter) String() string { return "letter about " + l.Key.String() }

// LogValue logs merchant and ref.
func (l Letter) LogValue() slog.Value { return slog.StringValue(l.String()) }

// A WriteError says why a letter could not be made an email.
type WriteError struct {
	Outcome Outcome // Refused, if it is this letter's fault, else Misconfigured
	Field   string  // "to", "from", "reply_to", "url", "amount" or "template"
	Problem string  // without personal data
}

// Error names the field and the problem.
func (e *WriteError) Error() string { return "email not written: " + e.Field + " " + e.Problem }

// Answer returns the same as what came of the email. Its code is like "bad_to".
func (e *WriteError) Answer() Answer {
	return Answer{Outcome: e.Outcome, Code: "bad_" + e.Field, Message: e.Field + " " + e.Problem}
}
