package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// note is what a request's log line says, besides the request itself.
type note struct {
	who string // a token's name, or "one-time link"
}

type noteKey struct{}

func withNote(r *http.Request) (*http.Request, *note) {
	n := &note{}
	return r.WithContext(context.WithValue(r.Context(), noteKey{}, n)), n
}

func noteOf(r *http.Request) *note { return r.Context().Value(noteKey{}).(*note) }

// reads reports whether a request changes nothing.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// refuseForeign keeps the requests of other origins' pages from changing anything, login and logout included. The session's cookie
// does not come with them in the first place (SameSite=Strict); where a proxy or a browser fails us there, this remains.
func (s *Site) refuseForeign(h http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := protection.Check(r); err != nil {
			s.say(w, r, http.StatusForbidden, "This request came from a page of another origin, and nothing was done.")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// readOnly lets pass what only looks, unless the site may write.
func (s *Site) readOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Write && !reads(r) {
			w.Header().Set("Allow", "GET, HEAD")
			s.say(w, r, http.StatusMethodNotAllowed, "These pages are to look at only. To change something from here, start hpplink with --dashboard-write / HPPLINK_DASHBOARD_WRITE=true.")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// guard lets through who is logged in, or sends a token.
func (s *Site) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if of, found := s.sessionOf(r); found {
			noteOf(r).who = of.name()
			h.ServeHTTP(w, r)
			return
		}
		if secret, sent := bearer(r); sent {
			s.guardToken(w, r, secret, h)
			return
		}
		if r.Method == http.MethodGet && wantsPage(r) {
			http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="hpplink"`)
		s.say(w, r, http.StatusUnauthorized, "You are not logged in, or not any more: open /login.")
	})
}

func (s *Site) guardToken(w http.ResponseWriter, r *http.Request, secret string, h http.Handler) {
	who, found, wait := s.try(r, secret)
	if found {
		noteOf(r).who = who
		h.ServeHTTP(w, r)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="hpplink"`)
	s.refuseGuess(w, r, wait)
}

func bearer(r *http.Request) (secret string, sent bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), strings.EqualFold(scheme, "Bearer")
}

// wantsPage tells who opens a page from a script that asks for data: only the former is helped by the login page.
func wantsPage(r *http.Request) bool {
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" {
		return dest == "document"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// say answers in a few words: with a page to who opens one.
func (s *Site) say(w http.ResponseWriter, r *http.Request, status int, words string) {
	if !wantsPage(r) {
		http.Error(w, words, status)
		return
	}
	s.render(w, status, loginPage{Title: http.StatusText(status), Problem: words})
}

func (of session) name() string {
	if of.who == "" {
		return "one-time link"
	}
	return of.who
}
