package web

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed login.html
var loginFiles embed.FS

func loginTemplate() *template.Template {
	return template.Must(template.ParseFS(loginFiles, "login.html"))
}

// loginPage is what login.html shows. Without Form and Once it is a message.
type loginPage struct {
	Title   string
	Problem string
	Form    bool   // asks for a token
	Once    string // asks to redeem this one-time link
	Next    string // where to go afterwards; "" for the usual place
	Foreign bool   // another site's link led here, so that a session there may be was not sent along
	Help    bool   // tells how to get in where there are no tokens
}

// home is where one is after a login.
const home = "/orders"

// maxForm is far more than any token takes.
const maxForm = 8 << 10

func (s *Site) serveLogin() {
	s.open("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, home, http.StatusSeeOther) })
	s.open("GET /login", s.showLogin)
	s.open("POST /login", s.logIn)
	s.open("POST /logout", s.logOut)
}

// showLogin redeems nothing: programs that fetch links to show what is behind them would use up a one-time link.
func (s *Site) showLogin(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	next := ownPath(query.Get("next"))
	if _, found := s.sessionOf(r); found {
		http.Redirect(w, r, cmp.Or(next, s.once.next(query.Get("once")), home), http.StatusSeeOther)
		return
	}
	s.render(w, http.StatusOK, s.loginPage(r, query.Get("once"), next))
}

func (s *Site) loginPage(r *http.Request, once, next string) loginPage {
	p := loginPage{Title: "Log in", Next: next, Foreign: next != "" && r.Header.Get("Sec-Fetch-Site") == "cross-site"}
	switch {
	case !s.OnceOpens():
		p.Form = true
	case once != "":
		p.Once = once
	default:
		p.Help = true
	}
	return p
}

// logIn takes a token or a one-time link from the form.
func (s *Site) logIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.say(w, r, http.StatusBadRequest, "This form could not be read.")
		return
	}
	next := ownPath(r.PostForm.Get("next"))
	if s.OnceOpens() {
		s.redeem(w, r, r.PostForm.Get("once"), next)
		return
	}
	who, found, wait := s.try(r, strings.TrimSpace(r.PostForm.Get("token")))
	if !found {
		s.refuseGuess(w, r, wait)
		return
	}
	s.enter(w, r, who, next)
}

func (s *Site) redeem(w http.ResponseWriter, r *http.Request, once, next string) {
	leads, redeemed := s.once.redeem(once, time.Now())
	if !redeemed {
		p := s.loginPage(r, "", next)
		p.Problem = "This link was used before, or is too old."
		s.render(w, http.StatusForbidden, p)
		return
	}
	s.enter(w, r, "", cmp.Or(next, leads))
}

func (s *Site) enter(w http.ResponseWriter, r *http.Request, who, next string) {
	if err := s.begin(w, r, who); err != nil { // the tokens changed meanwhile
		s.Log.WarnContext(r.Context(), "nobody was logged in", "error", err)
		s.say(w, r, http.StatusForbidden, "The token has just changed: log in with the new one.")
		return
	}
	noteOf(r).who = session{who: who}.name()
	http.Redirect(w, r, cmp.Or(next, home), http.StatusSeeOther)
}

// logOut has the browser forget its session.
func (s *Site) logOut(w http.ResponseWriter, r *http.Request) {
	if of, found := s.sessionOf(r); found {
		noteOf(r).who = of.name()
	}
	setCookie(w, r, "", -1)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// try looks whether a secret is a token, unless too many were not, lately, from where it comes.
func (s *Site) try(r *http.Request, secret string) (who string, found bool, wait time.Duration) {
	wait = s.guesses.try(r.RemoteAddr, time.Now(), func() bool {
		who, found = s.sealer.Load().tokens.NameOf(secret)
		return found
	})
	return who, found, wait
}

// refuseGuess answers a wrong token, or one that was not even looked at.
func (s *Site) refuseGuess(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	status, p := http.StatusUnauthorized, s.loginPage(r, "", ownPath(r.PostForm.Get("next")))
	p.Problem = "This is not a token that is known here."
	if wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		status, p.Problem = http.StatusTooManyRequests, fmt.Sprintf("Too many wrong tokens came from your address. Try again in %d seconds.", seconds)
	}
	if !wantsPage(r) {
		http.Error(w, p.Problem, status)
		return
	}
	s.render(w, status, p)
}

func (s *Site) render(w http.ResponseWriter, status int, p loginPage) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = s.login.Execute(w, p) // the browser has gone
}

// ownPath returns a place of ours that somebody wanted to go to, or "": whatever else the text may mean to a browser, such as
// another host.
func ownPath(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/") {
		return ""
	}
	for _, root := range []string{"/orders", "/dashboard"} {
		if u.Path == root || strings.HasPrefix(u.Path, root+"/") {
			return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
		}
	}
	return ""
}
