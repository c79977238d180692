// Package mail writes and sends one email: the one that carries an order's payment link to the customer. It knows
// templates, languages, MIME and SMTP, and classifies every way in which a sending can end. It does not know the queue
// or the ledger, and it decides nothing: whether and when to send again is its caller's business.
package mail

// Outcome says what the attempt to write or send an email means for its order.
type Outcome string

const (
	// Sent: the mail server took responsibility for the email.
	Sent Outcome = "sent"
	// Retry: the email surely was not taken, and may be later.
	Retry Outcome = "retry"
	// Refused: this email will never be taken, because of its recipient or content.
	Refused Outcome = "refused"
	// Misconfigured: nothing is wrong with the order, but with our account, sender, server, certificate or
	// templates. Every email would meet the same.
	Misconfigured Outcome = "misconfigured"
	// Unknown: the connection broke between the email's end and the server's reply to it (RFC 1047), so the customer
	// may have it or not. Sent again, it has the same Message-ID.
	Unknown Outcome = "unknown"
)

// Answer is what came of one email. It holds no address, no customer's name and no password, so that it may be
// published and logged as it is.
type Answer struct {
	Outcome  Outcome
	Code     string // short stable word for what happened: "smtp_550", "timeout", "starttls_missing", …; empty when sent
	Message  string // one line, at most 200 characters; the server's own words where it had some; empty when sent
	Status   int    // SMTP reply code, 0 when there was none
	Named    bool   // the reply came once the recipient was named: what looks like our fault may be about that recipient alone
	Enhanced string // enhanced status code (RFC 3463) such as "5.1.1"; empty when there was none
}
