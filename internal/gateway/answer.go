package gateway

import (
	"strconv"
	"time"
)

// Outcome says what a call of the gateway means for its order.
type Outcome string

const (
	// Issued: the gateway minted a link and it is the one we asked for.
	Issued Outcome = "issued"
	// Rejected: the gateway refuses this order; sending it again is no use.
	Rejected Outcome = "rejected"
	// Duplicate: the gateway knows the ref already, so a link may exist.
	Duplicate Outcome = "duplicate"
	// Misconfigured: nothing is wrong with the order, but with keys, address
	// or certificate. Every order of the merchant would meet the same.
	Misconfigured Outcome = "misconfigured"
	// Throttled: the gateway asks us to come back later.
	Throttled Outcome = "throttled"
	// Unavailable: the gateway surely did nothing with the request.
	Unavailable Outcome = "unavailable"
	// Uncertain: the gateway may have minted a link that we did not get.
	Uncertain Outcome = "uncertain"
)

// Link is a hosted payment page as the gateway returned it and we checked it.
type Link struct{ ID, URL string }

// Answer is what came of one call. It holds no personal data and no keys, so
// that it may be published and logged as it is.
type Answer struct {
	Outcome    Outcome
	Link       Link          // set when issued
	Code       string        // short stable word for what happened: "http_400", "timeout", "mismatch_amount", …
	Message    string        // one line, at most 200 characters; empty when issued
	Status     int           // HTTP status, 0 when there was none
	RetryAfter time.Duration // as told by the gateway, not clamped; 0 when not told
	Asked      bool          // whether any byte of the request may have reached the gateway
}

// refused is an answer that we give ourselves, before anything is sent.
func refused(outcome Outcome, code, message string) Answer {
	return Answer{Outcome: outcome, Code: code, Message: message}
}

func httpCode(status int) string { return "http_" + strconv.Itoa(status) }
