package pages

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/worker"
)

// reason is why an order or an email waits, as workers note it: "outcome (code): message".
type reason struct{ outcome, code, message string }

var noted = regexp.MustCompile(`(?s)^(\w*) ?\(([^()]*)\)(?:: (.*))?$`)

// reasonOf reads a reason that an order waits for.
func reasonOf(why string) reason {
	if m := noted.FindStringSubmatch(why); m != nil {
		return reason{m[1], m[2], m[3]}
	}
	return reason{message: why}
}

// Words says what happened: "the gateway answers 401".
func (r reason) Words() string {
	status, isHTTP := strings.CutPrefix(r.code, "http_")
	reply, isSMTP := strings.CutPrefix(r.code, "smtp_")
	switch {
	case isHTTP:
		return "the gateway answers " + status
	case isSMTP:
		return "the mail server answers " + reply
	case r.code == "timeout":
		return "no answer comes in time"
	}
	return lookup.Visible(cmp.Or(r.message, briefly[r.code], strings.ReplaceAll(cmp.Or(r.code, r.outcome), "_", " ")))
}

// briefly are the codes of which a history notes no more, for people.
var briefly = map[string]string{
	"paced":              "its turn of the merchant’s rate limit came later",
	"loaded":             "the gateway was loaded, and fewer calls were made at once",
	"no_slot":            "no turn of the rate limit could be had",
	"lease_too_short":    "it was held up until there was too little time for a call",
	"no_profile":         "the worker had no profile of its merchant",
	"connection_refused": "the connection was refused",
	"connection_reset":   "the connection was reset",
	"connection_closed":  "the connection was closed without an answer",
	"dial_timeout":       "there was no connection in time",
	"unreadable":         "the answer could not be read",
}

// Said is what the other side said, where that is more than Words says.
func (r reason) Said() string {
	if r.message == "" || lookup.Visible(r.message) == r.Words() || !strings.Contains(r.code, "_") {
		return ""
	}
	return lookup.Visible(r.message)
}

// linkRemedy says what to do while the gateway does not serve a merchant.
func (s situation) linkRemedy(merchantID string, r reason) sentence {
	switch r.code {
	case "http_401", "http_403":
		return say("Check the merchant’s keys", s.keysOf(merchantID), ". After a change send SIGHUP to every process; the orders then go on by themselves.")
	case "http_404", "http_405", "dns":
		return say("Check ", code("gateway_url"), " of the merchant. After a change send SIGHUP to every process; the orders then go on by themselves.")
	case "tls":
		return say("Check the gateway’s certificate and ", code("gateway_url"), ". The orders go on by themselves.")
	case "no_profile":
		return say("Add the merchant to the settings file of the workers, and send them SIGHUP.")
	}
	if strings.HasPrefix(r.code, "http_3") {
		return say("The gateway has moved, or ", code("gateway_url"), " is not quite right: correct it, and send SIGHUP to every process.")
	}
	if r.outcome == "misconfigured" {
		return say("Correct the merchant’s settings, and send SIGHUP to every process; the orders then go on by themselves.")
	}
	return say("Nothing has to be done here: one order at a time tries, and all go on once the gateway is well. If it lasts, tell the gateway’s operator.")
}

// keysOf recalls which keys are in force, by their last characters.
func (s situation) keysOf(merchantID string) string {
	p, found := s.profile(merchantID)
	if !found {
		return ""
	}
	return hints(p)
}

func hints(p merchant.Profile) string {
	var parts []string
	if h := p.APIKey.Hint(); h != "" {
		parts = append(parts, "API key "+h)
	}
	if h := p.XAPIKey.Hint(); h != "" {
		parts = append(parts, "x-api-key "+h)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (this process has " + strings.Join(parts, ", ") + ")"
}

func mailRemedy(r reason) sentence {
	switch r.code {
	case "connection_refused", "unreachable", "dial_timeout", "dns_failed", "connection_reset", "timeout", "connection_closed":
		return say("The mail server is out of reach. The emails go on by themselves once it answers.")
	}
	return say("Check ", code("HPPLINK_SMTP"), ", its password and the merchant’s ", code("mail.from"), ". The emails go on by themselves.")
}

// failureAdvice says what to do about orders that failed with a code.
func failureAdvice(c string) string {
	switch c {
	case worker.CodeRejected:
		return "The gateway refuses such an order as it is. Have it corrected and handed in again under the same ref; replay only if the refusal was the gateway’s mistake."
	case ledger.CodePossiblyIssued:
		return "A link may exist at the gateway that nobody was shown. Look there first; then replay."
	case worker.CodeGaveUp:
		return "Tried for as long as an order may be. Once the gateway is well, replay."
	case worker.CodeExpired:
		return "Its own expires_at passed. Ask whoever sent it whether it is wanted still; then it is to be handed in again."
	case worker.CodeUnreadable:
		return "What Redis kept is no order. Look at Redis, or run a newer hpplink, before you replay."
	case ledger.CodeCancelled:
		return "Its batch was cancelled before it was sent."
	}
	return "Read the message, and replay once its cause is gone."
}

// mailAdvice says the same about emails.
func mailAdvice(c string) string {
	switch {
	case c == ledger.CodeMailUnknown:
		return "The customer may have the email or not. Ask, or look at the mail server; then replay."
	case c == worker.CodeGaveUp:
		return "Tried for as long as an email may be. Once the mail server is well, replay."
	case strings.HasPrefix(c, "smtp_"):
		return "The mail server refuses it. Where the address is wrong, send the customer the link another way."
	}
	return "Read the message, and replay once its cause is gone. The link itself is there."
}

func (f failedList) advice(c string) string {
	if f.name == mailFailures.name {
		return mailAdvice(c)
	}
	return failureAdvice(c)
}
