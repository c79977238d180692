package mail

import (
	"regexp"
	"slices"
	"strings"
)

// judge says what a reply means that was not the one hoped for. What is permanent is the recipient's fault, the email's,
// or ours; ours would meet every email, and so is worth an alarm. Servers differ in which codes they give, and give some
// for both (5.7.1), so the words count too; in doubt, once the recipient is named, it is this email that is refused:
// one strange mailbox must not hold up everybody's.
func judge(at stage, code int, status, said string) Outcome {
	switch {
	case at == ending && code/100 == 2:
		return Sent
	case at == ending && code/100 == 3:
		return Unknown
	case code/100 != 5:
		return Retry
	}
	switch at {
	case sender:
		if isAboutMessage(code, status) {
			return Refused
		}
		return Misconfigured
	case recipient, data, ending:
		if isAboutUs(code, status) || ourFault.MatchString(said) {
			return Misconfigured
		}
		return Refused
	}
	return Misconfigured
}

// isAboutMessage finds what RFC 3463 and RFC 6531 say of this email alone, even before its recipient is named.
func isAboutMessage(code int, status string) bool {
	return code == 552 || slices.Contains([]string{
		"5.2.3", "5.3.4", // too long
		"5.6.7", // needs SMTPUTF8
	}, status)
}

// isAboutUs finds replies that say that we may not send at all, or not as this sender.
func isAboutUs(code int, status string) bool {
	switch code {
	case 500, 502, 503, 530, 534, 535, 538: // not understood or out of order; login needed, too weak, wrong
		return true
	}
	return slices.Contains([]string{
		"5.1.7", "5.1.8", // the sender's address; many servers say so only at RCPT
		"5.4.5",                                                // our quota is used up
		"5.7.3", "5.7.4", "5.7.8", "5.7.9", "5.7.11", "5.7.14", // login and encryption
		"5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.25", "5.7.26", "5.7.27", // DKIM, SPF, reverse DNS, DMARC, sender's MX
	}, status)
}

// ourFault finds what servers say when the fault is ours and the code does not tell.
var ourFault = regexp.MustCompile(`(?i)` + strings.Join([]string{
	`relay(ing)?( access)? (is )?(denied|not permitted|not allowed|prohibited)`, `not permitted to relay`, `unable to relay`, `relaying denied`,
	`sender (address |verify |domain )?(rejected|failed|denied|not allowed)`, `not owned by user`, `not allowed to send (as|from)`,
	`send as denied`, `sendasdenied`,
	`client host .*(blocked|rejected)`, `blocked using`, `(block|black|deny) ?list`, `spamhaus`, `poor reputation`,
	`\b(spf|dkim|dmarc)\b`, `reverse dns`, `\bptr record`,
	`(authentication|authorization|login) (is )?required`, `must authenticate`, `must issue a starttls`,
	`address(es)? (is|are) not verified`, `(sending|daily|message) (quota|limit) exceeded`, `account (is )?(disabled|suspended)`,
}, `|`))
