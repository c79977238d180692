package pages

import (
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 725 * time.Millisecond: "725 ms", time.Second: "1 s", 1890 * time.Millisecond: "1.8 s", 59999 * time.Millisecond: "59 s",
		-12 * time.Second: "12 s", 150 * time.Second: "2 min", time.Hour: "1 h", 125 * time.Minute: "2 h 5 min", 50 * time.Hour: "2 days",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "now", 300 * time.Millisecond: "now", -90 * time.Second: "in 1 min", 3 * time.Hour: "3 h ago"} {
		if got := age(noon.Add(-d), noon); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Whatever the process' time zone is.
func TestClockIsUTC(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*3600)
	for at, want := range map[time.Time]string{
		noon.Add(-time.Hour).In(tokyo): "11:00:30", noon.AddDate(0, 0, -1): "21 Nov 12:00:30", noon.AddDate(-1, 0, 0): "22 Nov 2025 12:00:30",
	} {
		if got := clock(at, noon.In(tokyo)); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	if got := number(1234567) + ", " + counted(1, "order") + ", " + counted(0, "order") + ", " + counted(1204, "order"); got != "1,234,567, 1 order, 0 orders, 1,204 orders" {
		t.Error(got)
	}
}

// A path has one segment more than its folder, which no client and no mux cleans away.
func TestOrderPathOfAnyRef(t *testing.T) {
	for ref, want := range map[string]string{
		"INV-1": "/orders/order/M-1:INV-1", "a/b": "/orders/order/M-1:a%252Fb", "..": "/orders/order/M-1:..", "%2F": "/orders/order/M-1:%25252F", "注": "/orders/order/M-1:%25E6%25B3%25A8",
	} {
		if got := orderPath(order.Key{MerchantID: "M-1", Ref: ref}); got != want {
			t.Errorf("%q: %q, want %q", ref, got, want)
		}
	}
}

func TestReasons(t *testing.T) {
	for why, want := range map[string][2]string{
		"misconfigured (http_401): Unauthorized":                                   {"the gateway answers 401", "Unauthorized"},
		"unavailable (connection_refused): the gateway refused the connection":     {"the gateway refused the connection", ""},
		"uncertain (timeout): the gateway did not answer in time":                  {"no answer comes in time", ""},
		"misconfigured (smtp_535): login: 535 no":                                  {"the mail server answers 535", "login: 535 no"},
		"unavailable (http_503)":                                                   {"the gateway answers 503", ""},
		"not_asked (paced): the merchant's rate limit is 20 a second":              {"the merchant's rate limit is 20 a second", ""},
		"login: 535 5.7.8 Error: authentication failed":                            {"login: 535 5.7.8 Error: authentication failed", ""},
		"misconfigured (no_profile): there is no profile for this merchant\u202e!": {`there is no profile for this merchant\u202e!`, ""},
		"not_asked (paced)":           {"its turn of the merchant’s rate limit came later", ""},
		"uncertain (mismatch_amount)": {"mismatch amount", ""},
		"":                            {"", ""},
	} {
		if r := reasonOf(why); r.Words() != want[0] || r.Said() != want[1] {
			t.Errorf("%q: %q and %q, want %q", why, r.Words(), r.Said(), want)
		}
	}
}
