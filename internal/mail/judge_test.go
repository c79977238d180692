package mail_test

import (
	"testing"

	"github.com/hpplink/hpplink/internal/mail"
)

// Replies as servers in wide use give them.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		stage          string
		code           int
		enhanced, said string
		want           mail.Outcome
	}{
		{"greeting", 421, "4.3.2", "too many connections", mail.Retry},
		{"greeting", 554, "5.7.1", "no", mail.Misconfigured},
		{"TLS", 454, "4.7.0", "TLS not available", mail.Retry},
		{"TLS", 502, "", "command not implemented", mail.Misconfigured},
		{"login", 454, "4.7.0", "temporary authentication failure", mail.Retry},
		{"login", 535, "5.7.8", "bad credentials", mail.Misconfigured},
		{"login", 534, "5.7.9", "application-specific password required", mail.Misconfigured},
		{"MAIL", 530, "5.7.0", "Must issue a STARTTLS command first", mail.Misconfigured},
		{"MAIL", 550, "5.1.8", "sender's domain does not exist", mail.Misconfigured},
		{"MAIL", 553, "", "sorry, your envelope sender is in my badmailfrom list", mail.Misconfigured},
		{"MAIL", 550, "5.6.7", "non-ASCII addresses not permitted", mail.Refused},
		{"MAIL", 552, "", "message size exceeds limit", mail.Refused},
		{"MAIL", 452, "4.3.1", "insufficient storage", mail.Retry},
		{"RCPT", 450, "4.2.0", "greylisted", mail.Retry},
		{"RCPT", 550, "5.1.1", "user unknown", mail.Refused},
		{"RCPT", 552, "5.2.2", "mailbox full", mail.Refused},
		{"RCPT", 551, "", "user not local", mail.Refused},
		{"RCPT", 556, "5.1.10", "domain does not accept mail", mail.Refused},
		{"RCPT", 553, "5.1.3", "bad address syntax", mail.Refused},
		{"RCPT", 550, "", "no such user here", mail.Refused},
		{"RCPT", 550, "5.7.1", "this mailbox takes mail from its own company only", mail.Refused},
		{"RCPT", 554, "5.7.1", "<x>: Relay access denied", mail.Misconfigured},
		{"RCPT", 550, "5.7.1", "Unable to relay", mail.Misconfigured},
		{"RCPT", 550, "", "relay not permitted", mail.Misconfigured},
		{"RCPT", 553, "5.7.1", "<x>: Sender address rejected: not owned by user y", mail.Misconfigured},
		{"RCPT", 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", mail.Misconfigured},
		{"RCPT", 550, "5.7.25", "the IP address has no PTR record", mail.Misconfigured},
		{"RCPT", 530, "5.7.1", "Authentication required", mail.Misconfigured},
		{"RCPT", 503, "5.5.1", "need MAIL first", mail.Misconfigured},
		{"DATA", 554, "5.5.1", "no valid recipients", mail.Refused},
		{"DATA", 451, "4.3.0", "try again", mail.Retry},
		{"end of the email", 554, "5.7.1", "message is spam", mail.Refused},
		{"end of the email", 550, "5.7.26", "not authenticated", mail.Misconfigured},
		{"end of the email", 550, "5.7.1", "not accepted due to domain's DMARC policy", mail.Misconfigured},
		{"end of the email", 554, "", "Message rejected: Email address is not verified.", mail.Misconfigured},
		{"end of the email", 550, "5.4.5", "Daily user sending limit exceeded", mail.Misconfigured},
		{"end of the email", 552, "5.3.4", "too big", mail.Refused},
		{"end of the email", 452, "4.3.1", "disk full", mail.Retry},
		{"end of the email", 251, "", "forwarded", mail.Sent},
		{"end of the email", 354, "", "go on", mail.Unknown},
		{"RCPT", 354, "", "out of step", mail.Retry},
	} {
		if got := mail.Judge(c.stage, c.code, c.enhanced, c.said); got != c.want {
			t.Errorf("%s: %d %s %q is %s, want %s", c.stage, c.code, c.enhanced, c.said, got, c.want)
		}
	}
}
