package sandbox

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/Rhymond/go-money"
)

const (
	pagePath  = "/jp/HostedPaymentPage/"
	lastLinks = 20
)

//go:embed pages
var pageFiles embed.FS

var (
	style     = mustRead("pages/style.css")
	templates = template.Must(template.New("").Funcs(template.FuncMap{
		"visible": visible,
		"money":   displayAmount,
		"style":   func() template.CSS { return template.CSS(style) },
	}).ParseFS(pageFiles, "pages/*.html"))
	// The pages load nothing and run nothing; a ref that gets through the
	// escaping still could not.
	contentPolicy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		hashOf(style))
)

func mustRead(name string) string {
	b, err := pageFiles.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (s *Server) showPage(w http.ResponseWriter, r *http.Request) {
	p, ok := s.pages.get(r.PathValue("code"))
	if !ok {
		s.showMissing(w, r)
		return
	}
	render(w, http.StatusOK, "payment.html", p)
}

func (s *Server) showMissing(w http.ResponseWriter, _ *http.Request) {
	render(w, http.StatusNotFound, "missing.html", nil)
}

func (s *Server) showIndex(w http.ResponseWriter, r *http.Request) {
	render(w, http.StatusOK, "index.html", struct {
		Base, Endpoint string
		Stats          Stats
		Faults         string
		Kinds          []kind
		Links          []page
	}{s.base(r), s.base(r) + "/api/v1" + endpoint, s.Stats(), s.Faults().String(), kinds, s.pages.newest(lastLinks)})
}

// kind explains a fault on the index page.
type kind struct{ Name, Does string }

var kinds = []kind{
	{"503", "any status from 201 to 599; 2xx mints; :2s sets Retry-After (429: 1s by itself)"},
	{"504-after", "a status from 300 on, with the link minted all the same"},
	{"html-502", "an HTML error page, as from a proxy"},
	{"hang-before", "silence (2m), then 504; no link"},
	{"hang-after", "link minted; silence (2m), then the answer; also: hang"},
	{"reset-before", "connection reset; no link"},
	{"reset-after", "link minted, connection reset; also: reset"},
	{"unreadable", "200 with broken JSON; link minted"},
	{"mismatch", "200 echoing another order; link minted"},
	{"wrong-host", "200 with a link on a foreign host; link minted"},
	{"slow-body", "200, the body dribbled out (5s); link minted"},
	{"redirect", "302 to a foreign host; no link"},
}

// signs are the currencies that people know by a sign alone. Others share
// theirs ($, ¥) or have one that not everybody reads.
var signs = map[string]string{"JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}

// displayAmount writes an amount for people: ¥1,000 or KWD 12.500. An amount
// finer than its currency allows is written as it came.
func displayAmount(amount, code string) string {
	sign, ok := signs[code]
	if !ok {
		sign = code + "\u00a0"
	}
	currency := money.GetCurrency(code)
	if currency == nil {
		return sign + amount
	}
	whole, fraction, _ := strings.Cut(amount, ".")
	missing := currency.Fraction - len(fraction)
	if missing < 0 {
		return sign + amount
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", missing), 10, 64)
	if err != nil {
		return sign + amount
	}
	return money.NewFormatter(currency.Fraction, ".", ",", sign, "$1").Format(minor)
}

// visible replaces control and format characters, such as right-to-left marks,
// by their code points: what is shown must be what was sent.
func visible(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, "⟨%U⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }
