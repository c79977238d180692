package web_test

import (
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	schemes  = regexp.MustCompile(`:root \{([^}]*)\}`)
	variable = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3}|[0-9a-f]{6});`)
)

// TestColoursCanBeReadByEverybody: text has the contrast of WCAG's level AA, 4.5, and what is drawn has 3, in the light and in the dark.
func TestColoursCanBeReadByEverybody(t *testing.T) {
	css := newBench(t).get("/assets/base.css").want(http.StatusOK).body
	blocks := schemes.FindAllStringSubmatch(css, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d schemes", len(blocks))
	}
	for i, block := range blocks {
		colours := map[string]string{}
		for _, m := range variable.FindAllStringSubmatch(block[1], -1) {
			colours[m[1]] = m[2]
		}
		for _, pair := range strings.Fields("text/back text/card dim/back dim/card accent/back accent/card on-accent/accent bad/card bad/back bad/bad-back good/card warn/card on-tone/good on-tone/warn on-tone/bad") {
			check(t, i, colours, pair, 4.5)
		}
		for _, pair := range strings.Fields("edge/card edge/back good/back warn/back") {
			check(t, i, colours, pair, 3)
		}
	}
}

func check(t *testing.T, scheme int, colours map[string]string, pair string, least float64) {
	t.Helper()
	on, under, _ := strings.Cut(pair, "/")
	if colours[on] == "" || colours[under] == "" {
		t.Fatalf("%s is not set in %v", pair, colours)
	}
	a, b := luminance(colours[on]), luminance(colours[under])
	if ratio := (max(a, b) + .05) / (min(a, b) + .05); ratio < least {
		t.Errorf("scheme %d: %s has %.2f, want %v", scheme, pair, ratio, least)
	}
}

// luminance is the relative luminance of WCAG 2.
func luminance(hex string) (l float64) {
	if len(hex) == 3 {
		hex = fmt.Sprintf("%c%[1]c%c%[2]c%c%[3]c", hex[0], hex[1], hex[2])
	}
	for i, weight := range []float64{.2126, .7152, .0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		v := float64(n) / 255
		if v <= .04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}
