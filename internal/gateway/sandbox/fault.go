package sandbox

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// action is how a fault shows on the wire.
type action int

const (
	actStatus action = iota // an error status, or a 2xx other than 200
	actHTML
	actHang
	actReset
	actUnreadable
	actMismatch
	actWrongHost
	actSlowBody
)

// fault is one way to fail, and when.
type fault struct {
	name   string // canonical: "500", "hang-after"
	act    action
	status int           // what is answered, if anything
	mints  bool          // whether a link exists afterwards
	wait   time.Duration // of a hang, a slow body or Retry-After; 0: none
	timed  bool          // whether a duration may be given
	times  int           // strikes per ref before it heals; 0: for ever
	rate   float64       // share of POSTs, or of refs if times is set
}

const (
	foreignHost  = "sandbox.invalid" // reserved by RFC 2606: it never resolves
	maxTimes     = 1_000_000
	maxFaultWait = time.Hour
)

// named are the faults that are not just a status.
var named = []fault{
	{name: "hang-before", act: actHang, status: http.StatusGatewayTimeout, wait: 2 * time.Minute, timed: true},
	{name: "hang-after", act: actHang, status: http.StatusOK, mints: true, wait: 2 * time.Minute, timed: true},
	{name: "reset-before", act: actReset},
	{name: "reset-after", act: actReset, mints: true},
	{name: "unreadable", act: actUnreadable, status: http.StatusOK, mints: true},
	{name: "mismatch", act: actMismatch, status: http.StatusOK, mints: true},
	{name: "wrong-host", act: actWrongHost, status: http.StatusOK, mints: true},
	{name: "slow-body", act: actSlowBody, status: http.StatusOK, mints: true, wait: 5 * time.Second, timed: true},
	{name: "redirect", act: actStatus, status: http.StatusFound},
}

// short are other names. The short forms mean the worse of the two: a link
// exists that nobody saw.
var short = map[string]string{"hang": "hangafter", "reset": "resetafter"}

// lookup finds a fault by name; hyphens and case do not matter.
func lookup(name string) (fault, error) {
	plain := strings.ToLower(strings.ReplaceAll(name, "-", ""))
	if long, ok := short[plain]; ok {
		plain = long
	}
	for _, f := range named {
		if strings.ReplaceAll(f.name, "-", "") == plain {
			return f, nil
		}
	}
	if digits, ok := strings.CutPrefix(plain, "html"); ok {
		return htmlFault(name, digits)
	}
	return statusFault(name, plain)
}

func htmlFault(name, digits string) (fault, error) {
	status, ok := parseStatus(digits)
	if !ok {
		return fault{}, unknownFault(name)
	}
	if status < 400 || status > 599 {
		return fault{}, fmt.Errorf("%q: an HTML error page has a status from 400 to 599", name)
	}
	return fault{name: "html-" + digits, act: actHTML, status: status}, nil
}

func statusFault(name, plain string) (fault, error) {
	digits, after := strings.CutSuffix(plain, "after")
	status, ok := parseStatus(digits)
	switch {
	case !ok:
		return fault{}, unknownFault(name)
	case status == http.StatusOK:
		return fault{}, fmt.Errorf("%q: 200 is no fault", name)
	case status < 201 || status > 599:
		return fault{}, fmt.Errorf("%q: a status is a number from 201 to 599", name)
	case after && status < 300:
		return fault{}, fmt.Errorf("%q: a 2xx always mints; write %s", name, digits)
	}
	f := fault{name: digits, act: actStatus, status: status, mints: after || status < 300, timed: status >= 300}
	if after {
		f.name += "-after"
	}
	if status == http.StatusTooManyRequests {
		f.wait = time.Second
	}
	return f, nil
}

func parseStatus(digits string) (int, bool) {
	if len(digits) != 3 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

func unknownFault(name string) error {
	names := make([]string, len(named))
	for i, f := range named {
		names[i] = f.name
	}
	return fmt.Errorf("%q is no fault; use a status such as 503, 504-after, html-502, or one of %s",
		name, strings.Join(names, ", "))
}

// parseFault reads NAME[=RATE][xTIMES][:DURATION].
func parseFault(text string) (fault, error) {
	rest, wait, timed := strings.Cut(text, ":")
	rest, times, err := cutTimes(rest)
	if err != nil {
		return fault{}, fmt.Errorf("%q: %w", text, err)
	}
	name, rate, rated := strings.Cut(rest, "=")
	f, err := lookup(name)
	if err != nil {
		return fault{}, err
	}
	f.times, f.rate = times, 1
	if rated {
		if f.rate, err = parseRate(rate); err != nil {
			return fault{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	if timed {
		if err := f.setWait(wait); err != nil {
			return fault{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	return f, nil
}

// cutTimes splits "500=0.1x2" into "500=0.1" and 2.
func cutTimes(s string) (rest string, times int, err error) {
	i := strings.LastIndexByte(s, 'x')
	if i < 0 || strings.Trim(s[i+1:], "0123456789") != "" {
		return s, 0, nil
	}
	n, err := strconv.Atoi(s[i+1:])
	if err != nil || n < 1 || n > maxTimes {
		return "", 0, fmt.Errorf("the number after x says how often a ref fails, from 1 to %d", maxTimes)
	}
	return s[:i], n, nil
}

func parseRate(s string) (float64, error) {
	rate, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Trim(s, "0123456789.") != "" || rate > 1 {
		return 0, fmt.Errorf("rate %q is not a decimal from 0 to 1, such as 0.05", s)
	}
	return rate, nil
}

func (f *fault) setWait(s string) error {
	if !f.timed {
		return fmt.Errorf("%s takes no duration", f.name)
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > maxFaultWait {
		return fmt.Errorf("duration %q is not one such as 500ms, 2s or 1m, up to %v", s, maxFaultWait)
	}
	f.wait = d
	return nil
}

// String returns what parseFault reads back as the same fault.
func (f fault) String() string {
	s := f.name
	if f.rate != 1 {
		s += "=" + strconv.FormatFloat(f.rate, 'f', -1, 64)
	}
	if f.times > 0 {
		s += "x" + strconv.Itoa(f.times)
	}
	if f.timed && f.wait > 0 {
		s += ":" + f.wait.String()
	}
	return s
}

// retryAfter is the header's value in whole seconds, rounded up; "" for none.
func (f *fault) retryAfter() string {
	if f.act != actStatus || f.wait <= 0 {
		return ""
	}
	return strconv.Itoa(int(math.Ceil(f.wait.Seconds())))
}
