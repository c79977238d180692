package order

import (
	"strings"

	"github.com/biter777/countries"
)

// notCountries are codes that the countries package has but ISO 3166 does not
// list: two states that are no more, and Kosovo, whose XK is a private-use code.
const notCountries = "AN YU XK"

// codes are all there are: to look one up in the countries package takes long, since it goes by names, too.
var codes = func() map[string]bool {
	all := map[string]bool{}
	for _, c := range countries.All() {
		if code := c.Alpha2(); len(code) == 2 && c.IsValid() && !strings.Contains(notCountries, code) {
			all[code] = true
		}
	}
	return all
}()

func isCountry(code string) bool { return codes[code] }

func (r *report) country(field, code string) {
	if isCountry(code) {
		return
	}
	// A country's other codes and its name lead to the right one.
	if better := countries.ByName(code).Alpha2(); isCountry(better) {
		r.add(field, "%q is not a country code of ISO 3166: write %q", cut(code), better)
		return
	}
	const remedy = "is not a country code of ISO 3166: write two capitals like \"JP\""
	if !isCode(code) {
		r.add(field, remedy)
		return
	}
	r.add(field, "%q "+remedy, code)
}

// isCode says whether a text is as short as codes are. A longer one may be what belongs into another field, such as a name,
// and is not repeated.
func isCode(s string) bool {
	return len(s) <= 3 && !strings.ContainsFunc(s, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') })
}
