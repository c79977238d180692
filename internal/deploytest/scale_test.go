package deploytest

import (
	"regexp"
	"strconv"
	"testing"
)

// faster is how many times faster time passes in the recorded run than in the rules.
const faster = 60

var (
	rangesOrWaits = regexp.MustCompile(`(\[|for: )(\d+)([mhd])`)
	offsets       = regexp.MustCompile(`offset (\d+)s`)
	ages          = regexp.MustCompile(`(_age_seconds(?:\{[^}]*\})?\)? > )(\d+)`)
	promisedBulk  = regexp.MustCompile(`le=~"3600\(`)
	seconds       = map[string]int{"m": 60, "h": 3600, "d": 86400}
)

// scaled makes time pass faster in rules: in ranges, in waits, where the age of an order is compared, and in what is promised of
// bulk orders. What is promised of interactive ones, ten seconds, stays.
func scaled(rules string) string {
	rules = rangesOrWaits.ReplaceAllStringFunc(rules, func(s string) string {
		m := rangesOrWaits.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2])
		return m[1] + strconv.Itoa(n*seconds[m[3]]/faster) + "s"
	})
	rules = offsets.ReplaceAllStringFunc(rules, func(s string) string {
		n, _ := strconv.Atoi(offsets.FindStringSubmatch(s)[1])
		return "offset " + strconv.Itoa(n*1000/faster) + "ms"
	})
	rules = ages.ReplaceAllStringFunc(rules, func(s string) string {
		m := ages.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2])
		return m[1] + strconv.Itoa(n/faster)
	})
	return promisedBulk.ReplaceAllString(rules, `le=~"60(`)
}

func TestScaled(t *testing.T) {
	for rules, want := range map[string]string{
		"rate(x[5m]) / avg_over_time(y:rate5m[3d])": "rate(x[5s]) / avg_over_time(y:rate5m[4320s])",
		"        for: 1m": "        for: 1s",
		`max by (job) (hpplink_oldest_open_order_age_seconds{lane="x"}) > 300`: `max by (job) (hpplink_oldest_open_order_age_seconds{lane="x"}) > 5`,
		`max(hpplink_stream_backlog_age_seconds) > 60`:                         `max(hpplink_stream_backlog_age_seconds) > 1`,
		"rate(x[5m] offset 30s)":                                               "rate(x[5s] offset 500ms)",
		`le=~"10(\\.0)?"`:                                                      `le=~"10(\\.0)?"`,
		`le=~"3600(\\.0)?"`:                                                    `le=~"60(\\.0)?"`,
		"x < 180 and y >= 5":                                                   "x < 180 and y >= 5",
	} {
		if got := scaled(rules); got != want {
			t.Errorf("%s: %s, want %s", rules, got, want)
		}
	}
}
