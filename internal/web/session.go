package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/api"
)

// sessionLife is how long a login lasts. It is not prolonged: a cookie that was taken away ends with it.
const sessionLife = 12 * time.Hour

// session is what a cookie says.
type session struct {
	who string // name of the token that logged in; "" for a one-time link
	end time.Time
}

// sealer signs sessions so that nothing need be stored: any process that has the token knows its sessions, and they end when it
// changes. Those of one-time links are known to this process only.
type sealer struct {
	tokens api.Tokens
	own    []byte
}

func newSealer(t api.Tokens) *sealer {
	own := make([]byte, sha256.Size)
	_, _ = rand.Read(own) // it never fails
	return &sealer{tokens: t, own: own}
}

// key is that of a token's sessions. Where there are tokens a one-time link opens nothing, neither one that was used before.
func (s *sealer) key(who string) ([]byte, bool) {
	if s.tokens.None() {
		return s.own, who == ""
	}
	return s.tokens.Key(who, "hpplink web session")
}

var encoding = base64.RawURLEncoding

// seal writes a session as "END.NAME.MAC".
func (s *sealer) seal(of session) (string, error) {
	key, found := s.key(of.who)
	if !found {
		return "", fmt.Errorf("a session for %q: no such token is in force", of.who)
	}
	claim := strconv.FormatInt(of.end.Unix(), 10) + "." + encoding.EncodeToString([]byte(of.who))
	return claim + "." + encoding.EncodeToString(mac(key, claim)), nil
}

// unseal reads what seal wrote, and reports false for anything else, and what is over.
func (s *sealer) unseal(text string, now time.Time) (session, bool) {
	at := strings.LastIndexByte(text, '.')
	if at < 0 {
		return session{}, false
	}
	claim, signature := text[:at], text[at+1:]
	end, name, _ := strings.Cut(claim, ".")
	seconds, badEnd := strconv.ParseInt(end, 10, 64)
	who, badName := encoding.DecodeString(name)
	signed, badSignature := encoding.DecodeString(signature)
	if badEnd != nil || badName != nil || badSignature != nil {
		return session{}, false
	}
	key, found := s.key(string(who))
	if !found || !hmac.Equal(signed, mac(key, claim)) {
		return session{}, false
	}
	of := session{who: string(who), end: time.Unix(seconds, 0)}
	return of, now.Before(of.end)
}

func mac(key []byte, claim string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(claim))
	return m.Sum(nil)
}

// cookieName has the port in it: browsers send a cookie to every port of a host, and on one machine a demo and a worker are not
// to log each other out.
func cookieName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return "hpplink_session"
	}
	return "hpplink_session_" + port
}

func (s *Site) sessionOf(r *http.Request) (session, bool) {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return session{}, false
	}
	return s.sealer.Load().unseal(c.Value, time.Now())
}

// begin logs somebody in.
func (s *Site) begin(w http.ResponseWriter, r *http.Request, who string) error {
	of := session{who: who, end: time.Now().Add(sessionLife)}
	text, err := s.sealer.Load().seal(of)
	if err != nil {
		return err
	}
	setCookie(w, r, text, int(sessionLife/time.Second))
	return nil
}

// setCookie sets the session's cookie, or takes it away where maxAge is negative.
//
// Whether the browser came by TLS its own Origin says, which comes with every form. A header that a proxy in front of us might set,
// such as X-Forwarded-Proto, does not tell who set it.
func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://"),
	})
}
