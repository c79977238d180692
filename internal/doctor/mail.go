package doctor

import (
	"context"
	"errors"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
)

// Mail is the mail server and who writes by it.
type Mail struct {
	Sender    *mail.Sender // nil: none is set
	Merchants []merchant.Profile
	Offline   bool             // it is not to be asked
	Now       func() time.Time // this machine's clock; nil: time.Now
}

const mailGroup = "mail"

// Examine logs in at the mail server, and sends nothing.
func (m Mail) Examine(ctx context.Context) []Finding {
	s := about(mailGroup, "mail")
	if m.Now == nil {
		m.Now = time.Now
	}
	if m.Sender == nil {
		return []Finding{s.fine("no mail server is set: no emails are sent, and orders with delivery.email are refused unless another worker sends them")}
	}
	all := m.senders()
	if !m.Sender.Encrypted() {
		all = append(all, s.mend("take tls=none and allow-insecure off HPPLINK_SMTP", "%s: emails, and the password, go over the network for all to read", m.Sender))
	}
	if m.Offline {
		return append(all, s.fine("%s; it was not asked", m.Sender))
	}
	state, err := m.Sender.Examine(ctx)
	if err != nil {
		return append(all, m.refused(err))
	}
	all = append(all, s.fine("%s; it lets us in, and nothing was sent", m.Sender))
	return append(all, about(mailGroup, "certificate").expiry("the mail server", state, m.Now())...)
}

func (m Mail) refused(err error) Finding {
	s := about(mailGroup, "mail")
	if what, remedy, ok := untrusted(err, "the mail server"); ok {
		return s.mend(remedy, "%s: %s", m.Sender, what)
	}
	remedy := "look at the mail server's log, and at the network from here to there"
	trouble, _ := errors.AsType[*mail.CheckError](err)
	switch {
	case trouble == nil:
	case slices.Contains([]int{530, 534, 535, 538}, trouble.Status):
		remedy = "correct the user in HPPLINK_SMTP and HPPLINK_SMTP_PASSWORD"
	case trouble.Code == "starttls_missing", trouble.Code == "protocol", trouble.Code == "dns", trouble.Code == "tls", trouble.Code == "connection_refused":
		remedy = "correct host and port in HPPLINK_SMTP (smtps://…:465, smtp://…:587), or start the mail server"
	case trouble.Code == "auth_missing", trouble.Code == "login":
		remedy = "correct auth in HPPLINK_SMTP"
	}
	return s.mend(remedy, "%s: %v", m.Sender, err)
}

// senders looks whether the merchants' emails can come from where they say.
func (m Mail) senders() (all []Finding) {
	for _, p := range m.Merchants {
		from, err := netmail.ParseAddress(p.Mail.From)
		if err != nil {
			continue // none is set: it is the order's merchant_email
		}
		if domain := from.Address[strings.LastIndexByte(from.Address, '@')+1:]; !plausible(domain) {
			all = append(all, about(mailGroup, "sender").of(p.ID).mend("set mail.from to an address that the mail server may send as", "%s: no email can come from the domain %s", p.ID, domain))
		}
	}
	return all
}

// reserved are names that RFC 2606, RFC 6761 and RFC 6762 keep from the internet.
var reserved = []string{"test", "example", "invalid", "localhost", "local", "example.com", "example.net", "example.org"}

func plausible(domain string) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	return strings.Contains(domain, ".") && !slices.ContainsFunc(reserved, func(r string) bool {
		return domain == r || strings.HasSuffix(domain, "."+r)
	})
}
