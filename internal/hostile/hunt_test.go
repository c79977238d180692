package hostile_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hunt looks for what was planted, in all forms in which it may show.
type hunt struct {
	forms         map[string]string // in small letters, and whose they are
	places, bytes int
}

func newHunt(markers map[string]string) *hunt {
	h := &hunt{forms: map[string]string{}}
	for name, value := range markers {
		h.add(name, value)
	}
	return h
}

func (h *hunt) add(name, value string) {
	for _, part := range append(tellingParts(value), value) {
		for _, form := range formsOf(part) {
			h.forms[strings.ToLower(form)] = name
		}
	}
}

// finds returns what is in a text, and around where.
func (h *hunt) finds(text string) map[string]string {
	found := map[string]string{}
	small := strings.ToLower(text)
	for form, name := range h.forms {
		if at := strings.Index(small, form); at >= 0 {
			found[name] = fmt.Sprintf("as %q in …%q…", form, small[max(0, at-150):min(len(small), at+len(form)+80)])
		}
	}
	return found
}

// look makes sure that nothing is in a place but what is allowed there, by name.
func (h *hunt) look(t *testing.T, place, text string, allowed ...string) {
	t.Helper()
	h.places++
	h.bytes += len(text)
	for name, where := range h.finds(text) {
		if !slices.Contains(allowed, name) {
			t.Errorf("%s repeats the %s: %s", place, name, where)
		}
	}
}

// want makes sure that something is found where it is meant to be. A hunt that finds nothing there is blind.
func (h *hunt) want(t *testing.T, place, text string, names ...string) {
	t.Helper()
	found := h.finds(text)
	for _, name := range names {
		if found[name] == "" {
			t.Errorf("%s does not show the %s: the hunt would not find it elsewhere", place, name)
		}
	}
}

var (
	tellingWord = regexp.MustCompile(`(?i)[\pL\pN_.-]*planted[\pL\pN_.-]*`)
	phoneNumber = regexp.MustCompile(`^[\d ().+-]+$`)
)

// leastTelling is the length in bytes from which a part can not be there by chance.
const leastTelling = 9

// tellingParts are what gives a value away without the rest of it: a name in an address, the digits of a phone number.
func tellingParts(value string) []string {
	all := tellingWord.FindAllString(value, -1)
	if at := strings.IndexByte(value, '@'); at > 0 && !strings.Contains(value, "/") {
		all = append(all, value[:at])
	}
	if phoneNumber.MatchString(value) {
		digits := strings.NewReplacer(" ", "", "(", "", ")", "", ".", "", "-", "").Replace(value)
		if national, abroad := strings.CutPrefix(digits, "+"); abroad {
			digits = national[2:]
		}
		all = append(all, digits)
	}
	return slices.DeleteFunc(all, func(part string) bool { return len(part) < leastTelling })
}

// formsOf writes a text as logs, JSON, HTML, URLs, emails and headers do.
func formsOf(plain string) []string {
	all := map[string]bool{plain: true, html.EscapeString(plain): true, url.QueryEscape(plain): true, url.PathEscape(plain): true, hex.EncodeToString([]byte(plain)): true}
	once := []string{inner(quoted(plain)), inner(unescapedHTML(plain)), inner(inASCII(unescapedHTML(plain))), inner(strconv.Quote(plain)), inner(strconv.QuoteToASCII(plain))}
	for _, form := range once {
		slashed := strings.ReplaceAll(form, "/", `\/`)
		for _, form := range []string{form, slashed, html.EscapeString(form), inner(unescapedHTML(form)), inner(quoted(form)), url.QueryEscape(form)} { // JSON in JSON
			all[form] = true
		}
	}
	for _, form := range inBase64(plain) {
		all[form] = true
	}
	all[printable(plain)] = true
	return slices.Collect(maps.Keys(all))
}

// inner is what stands between a text's quotes.
func inner(s string) string { return s[1 : len(s)-1] }

func unescapedHTML(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// inBase64 is what is always the same of a text within a longer one that is written in base 64, wherever in that it stands.
func inBase64(plain string) (all []string) {
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			coded := e.EncodeToString([]byte(strings.Repeat("x", before) + plain))
			all = append(all, coded[(before*8+5)/6:(before+len(plain))*8/6])
		}
	}
	return all
}

// printable is the form of emails' headers and texts.
func printable(plain string) string {
	var b strings.Builder
	for _, c := range []byte(plain) {
		if c < ' ' || c > '~' || c == '=' {
			fmt.Fprintf(&b, "=%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// TestTheHuntFinds: every marker, in every form, in the midst of a text.
func TestTheHuntFinds(t *testing.T) {
	h := newHunt(planted)
	if len(planted) < 40 {
		t.Errorf("only %d are planted", len(planted))
	}
	for name, value := range planted {
		for wrote, text := range map[string]string{
			"plain": value, "capitals": strings.ToUpper(value), "%q": fmt.Sprintf("%q", value), "JSON": quoted(value), "JSON in JSON": quoted(quoted(value)), "HTML": html.EscapeString(value),
			"in ASCII": inASCII(unescapedHTML(value)), "a query": url.Values{"a": {value}}.Encode(), "base 64": base64.StdEncoding.EncodeToString([]byte("user:" + value + "!")), "of bytes": fmt.Sprintf("%x", value),
		} {
			if h.finds("before " + text + " behind")[name] == "" {
				t.Errorf("%s is not found as %s: %s", name, wrote, text)
			}
		}
	}
	if found := h.finds(strings.Repeat("p***@person.example planted M1 https://shop.example/ok [redacted] ", 9)); len(found) > 0 {
		t.Errorf("%v is found where nothing is", found)
	}
}
