package app

import (
	"context"
	"time"
)

const (
	// mailPickup is how often an idle worker looks for emails: nobody waits for one as for a link.
	mailPickup = 500 * time.Millisecond
	// mailersInterval is how often a worker says that it sends emails.
	mailersInterval = time.Minute
	// MailersSilent is how long after its last word it is certain that no worker sends emails.
	MailersSilent = 3 * mailersInterval
)

// warnOfMails says that this worker leaves emails to others, if any wait: perhaps nobody is meant to send them any more, and
// perhaps a setting was lost.
func (b *Base) warnOfMails(ctx context.Context) {
	n, err := b.Ledger.Counts(ctx)
	if err == nil && n.Mailing > 0 {
		b.Log.Warn("emails are owed, and this worker sends none: set --smtp / HPPLINK_SMTP for it, or for another one", "emails", n.Mailing)
	}
}

func (b *Base) keepMailersUp(ctx context.Context) {
	ticker := time.NewTicker(mailersInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := b.Ledger.MailersUp(ctx); err != nil && ctx.Err() == nil {
				b.Log.Warn("it could not be said that emails are sent", "error", err)
			}
		}
	}
}
