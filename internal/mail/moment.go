package mail

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

var arabicMonths = [...]string{
	"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر",
}

// formatMoment writes a moment for readers of the language, to the minute, with its distance from UTC: abbreviations
// of time zones mean different things to different people.
func formatMoment(t time.Time, tag language.Tag) string {
	base, _ := tag.Base()
	region, _ := tag.Region()
	layout := "2006-01-02 15:04"
	switch {
	case base.String() == "en" && region.String() == "US" && strings.Contains(tag.String(), "US"):
		layout = "January 2, 2006, 3:04 PM"
	case base.String() == "en":
		layout = "2 January 2006, 15:04"
	case base.String() == "ja":
		layout = "2006年1月2日 15:04"
	case base.String() == "ar":
		layout = "2 " + arabicMonths[t.Month()-1] + " 2006، 15:04"
	}
	return t.Format(layout) + " (" + offset(t) + ")"
}

func offset(t time.Time) string {
	_, seconds := t.Zone()
	minutes := seconds / 60
	if minutes == 0 {
		return "UTC"
	}
	sign := "+"
	if minutes < 0 {
		sign, minutes = "-", -minutes
	}
	s := "UTC" + sign + strconv.Itoa(minutes/60)
	if rest := minutes % 60; rest != 0 {
		s += ":" + strconv.Itoa(rest/10) + strconv.Itoa(rest%10)
	}
	return s
}

// in moves a moment to a zone by its IANA name. "Local" would be where this process happens to run.
func in(t time.Time, zone string) time.Time {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return t.UTC()
	}
	return t.In(location)
}
