package sheet

import (
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// slip reports whether one name was likely meant to be the other: one letter is too
// many, missing or wrong, or two are swapped. Digits make another name ("Address 2"),
// and so does a single character of Japanese.
func slip(a, b string) bool {
	if len(b) < 4 || a == "" || max(len(a)-len(b), len(b)-len(a)) > 1 || a[0] != b[0] && a[len(a)-1] != b[len(b)-1] {
		return false // cheap to tell, and it is asked for every cell of the first rows
	}
	if a == b || !ascii(a) || !ascii(b) || digits(a) != digits(b) {
		return false
	}
	return levenshtein.ComputeDistance(a, b) == 1 || swapped(a, b)
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c > unicode.MaxASCII })
}

func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsDigit(c) {
			return c
		}
		return -1
	}, s)
}

func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// slips are the fields that a header misspells.
func slips(header string) []field {
	name := loose(header)
	if len(name) > 64 { // a known one is shorter, and comparing takes its time
		return nil
	}
	var all []field
	for _, n := range slices.Sorted(maps.Keys(known)) {
		if slip(name, n) {
			all = append(all, known[n]...)
		}
	}
	return all
}

// nearestField is the field whose name takes the fewest edits.
func nearestField(name string) string {
	return nearest(name, func(yield func(string) bool) {
		for _, f := range fields {
			if f.kind != whole && !yield(f.name) {
				return
			}
		}
	})
}

func nearest(name string, among func(func(string) bool)) string {
	best, least := "", math.MaxInt
	wanted := bounded(loose(name))
	for s := range among {
		if d := levenshtein.ComputeDistance(wanted, bounded(loose(s))); d < least {
			best, least = s, d
		}
	}
	return best
}

func bounded(s string) string { return s[:min(len(s), 64)] }
