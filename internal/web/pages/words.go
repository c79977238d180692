package pages

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/hpplink/hpplink/internal/order"
)

// A sentence is text with times, links and code in it. Its parts are strings, times (shown as a clock), links and codes.
type sentence []any

// link is a part of a sentence that leads somewhere.
type link struct{ Text, To string }

// code is a part of a sentence that is typed somewhere.
type code string

func say(parts ...any) sentence { return parts }

// Text is the sentence without markup.
func (s sentence) Text(now time.Time) string {
	var b strings.Builder
	for _, part := range s {
		switch part := part.(type) {
		case time.Time:
			b.WriteString(clock(part, now))
		case link:
			b.WriteString(part.Text)
		default:
			fmt.Fprint(&b, part)
		}
	}
	return b.String()
}

var english = message.NewPrinter(language.English)

// number writes a number with thousands separators.
func number(n int) string { return english.Sprintf("%d", n) }

// counted writes "1 order", or "1,204 orders".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}

// clock writes a time of today as such, and of other days with the day.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	switch {
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("2 Jan 15:04:05")
	}
	return t.Format("2 Jan 2006 15:04:05")
}

// span writes how long something takes or took, in its largest units.
func span(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Truncate(100*time.Millisecond).Seconds()), ".0") + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
	}
	return counted(int(d.Hours())/24, "day")
}

// age is how long ago, or in how long, something is; in whole seconds.
func age(t, now time.Time) string {
	d := now.Sub(t).Truncate(time.Second)
	switch {
	case d == 0:
		return "now"
	case d < 0:
		return "in " + span(d)
	}
	return span(d) + " ago"
}

// orderPath is where an order is shown. Its key is one segment of a path that holds nothing which a browser or a mux would clean
// away, whatever merchant and ref are made of.
func orderPath(key order.Key) string { return "/orders/order/" + url.PathEscape(key.String()) }

// at writes a path with a query.
func at(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
