package gateway

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// outcomeOf classifies a response by its status. Issued means no more than
// that a link is to be looked for.
func outcomeOf(res *http.Response) Outcome {
	switch status := res.StatusCode; {
	case status/100 == 2:
		return Issued
	case status/100 == 3:
		return Misconfigured
	case status/100 == 4:
		return outcomeOf4xx(status)
	case status == http.StatusServiceUnavailable:
		if _, told := retryAfter(res.Header, time.Now()); told {
			return Throttled
		}
		return Unavailable
	default:
		return Uncertain
	}
}

func outcomeOf4xx(status int) Outcome {
	switch status {
	case http.StatusConflict:
		return Duplicate
	case http.StatusTooManyRequests:
		return Throttled
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusProxyAuthRequired: // the egress proxy speaks: never about the order
		return Misconfigured
	default:
		return Rejected
	}
}

const maxSeconds = uint64(math.MaxInt64 / time.Second)

// retryAfter reads the header of that name, in seconds or as a date, and
// whether it said anything. A date is taken relative to the answer's own Date,
// since the gateway's clock need not be ours.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, maxSeconds)) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return max(0, at.Sub(now)), true
}
